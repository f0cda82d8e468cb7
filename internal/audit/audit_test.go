package audit

import (
	"bytes"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

func TestLinesAreReadNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(memstore.New(), nil, nil)
		for _, name := range []string{"anna", "bert", "cleo"} {
			s.Note(t.Context(), Line{By: "console:adam", Deed: OperatorAdded, On: name, Now: "viewer"})
			time.Sleep(24 * time.Hour)
		}
		read := func(after string, limit int) (names, last string) {
			t.Helper()
			lines, err := s.Lines(t.Context(), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				names += l.On[:1]
				last = l.Key
			}
			return names, last
		}
		names, last := read("", 2)
		rest, _ := read(last, 2)
		if names != "cb" || rest != "a" {
			t.Errorf("pages are %q and %q, want cb and a", names, rest)
		}
		time.Sleep(Life - 72*time.Hour)
		if names, _ := read("", 9); names != "cb" {
			t.Errorf("after %v there are %q, want cb", Life, names)
		}
	})
}

func TestLinesOfOneInstantHaveTheOrderOfTheirDeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still while anything runs
		s := New(memstore.New(), nil, nil)
		const written = "abcdefghij"
		for _, name := range written {
			s.Note(t.Context(), Line{By: ByAdmin, Deed: OperatorAdded, On: string(name)})
		}
		lines, err := s.Lines(t.Context(), "", len(written))
		var read string
		for _, l := range slices.Backward(lines) {
			read += l.On
		}
		if read != written || err != nil {
			t.Errorf("read from the oldest on: %q, %v; want %q", read, err, written)
		}
	})
}

func TestWhatCannotBeWrittenStandsInTheLog(t *testing.T) {
	var b bytes.Buffer
	s := New(memstore.New(), nil, slog.New(slog.NewTextHandler(&b, nil)))
	s.Note(t.Context(), Line{By: ByAdmin, Deed: AccountAdded, On: strings.Repeat("x", mpblock.MaxValue)})
	if !strings.Contains(b.String(), "account.added") {
		t.Errorf("the log has %q", b.String())
	}
}

func TestChanged(t *testing.T) {
	was := &mpblock.Account{Name: "a", Reasons: []string{"x"}, Daily: map[mpblock.Call]int{mpblock.CallList: 1}}
	now := *was
	if got := Changed(was, &now); got != nil {
		t.Errorf("nothing is another, got %q", got)
	}
	now.Name, now.Reasons, now.ReasonRequired, now.PerMinute = "b", nil, true, map[mpblock.Call]int{mpblock.CallList: 1}
	if got := Changed(was, &now); !reflect.DeepEqual(got, []string{"name", "limits", "reasons", "required"}) {
		t.Errorf("changed %q", got)
	}
}
