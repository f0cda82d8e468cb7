package lines_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

var errEnd = io.EOF

func seedOf(t *testing.T) uint64 {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LINES_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LINES_SEED=%d", seed)
	return seed
}

func TestProblems(t *testing.T) {
	id := linestest.ID(1)
	for in, want := range map[string]string{
		"oxxx113":                  "7 characters long, an OpenID has 28",
		id + "X":                   "29 characters long, an OpenID has 28",
		"x" + id[1:]:               `begins with "x", an OpenID begins with 'o'`,
		id[:9] + "?" + id[10:]:     `"?" at character 10, allowed are A-Z a-z 0-9 - _`,
		id[:9] + "ｏ" + id[10:]:     `"ｏ" at character 10, allowed are A-Z a-z 0-9 - _`,
		id[:27] + "B":              `ends with "B", the last character of an OpenID is one of AEIMQUYcgkosw048`,
		id[:9] + "\u200b" + id[9:]: "an invisible character (U+200B) stands in the middle of the OpenID",
		"two words":                "there is no OpenID in it",
		"# " + id:                  "an OpenID stands in a comment: take the # away, or the line",
	} {
		_, bad, _, err := read(t, []byte(in+"\n"), lines.Options{})
		if err != nil || len(bad) != 1 || bad[0].Problem.Error() != want {
			t.Errorf("%q: %v, %v, want %s", in, bad, err, want)
		}
	}
}

// TestRefusedAgain: what was refused is refused again for the same reason, and what is
// written then is what was written before.
func TestRefusedAgain(t *testing.T) {
	for _, f := range linestest.Files() {
		if f.Error != "" || len(f.Bad) == 0 {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			_, bad, sum, err := read(t, f.Data, lines.Options{Name: f.Name})
			if err != nil {
				t.Fatal(err)
			}
			bad = slices.DeleteFunc(bad, func(l lines.Line) bool { return sum.Form == lines.JSON && l.Text == "" }) // has no text to mend
			name, first := f.Name, write(bad)
			for range 2 {
				name += ".rejects"
				ids, again, _, err := read(t, []byte(first), lines.Options{Name: name})
				if err != nil || len(again) != len(bad) {
					t.Fatalf("%v, %v, %v of\n%s", ids, again, err, first)
				}
				for i := range again {
					if again[i].Raw != bad[i].Raw {
						t.Errorf("%q has become %q", bad[i].Raw, again[i].Raw)
					}
				}
				if second := write(again); strings.Count(second, "# line") != strings.Count(first, "# line") {
					t.Errorf("marks have grown:\n%s\n%s", first, second)
				}
			}
		})
	}
}

func write(bad []lines.Line) string {
	var b strings.Builder
	head := ""
	for _, l := range bad {
		if l.Head != head {
			head = l.Head
			b.WriteString(head + "\n")
		}
		b.WriteString(lines.Refused(l, l.Problem))
	}
	return b.String()
}

func TestTooManyBad(t *testing.T) {
	_, _, _, err := read(t, []byte(strings.Repeat("no OpenID\n", lines.MaxBad+1)), lines.Options{})
	var e *lines.Error
	if !errors.As(err, &e) || e.Error() != `more than 100000 lines are no OpenIDs, the first of them line 1, "no OpenID": it seems to be another file` {
		t.Error(err)
	}
}

// TestErrors: errors of the input and of who reads it are returned as they are.
func TestErrors(t *testing.T) {
	mine := errors.New("mine")
	in := io.MultiReader(strings.NewReader(linestest.ID(1)+"\n"), broken{mine})
	if _, err := lines.Read(in, lines.Options{}, func(lines.Line) error { return nil }); !errors.Is(err, mine) {
		t.Error(err)
	}
	for _, f := range linestest.Files() {
		if f.Error == "" && len(f.OpenIDs) > 0 {
			if _, err := lines.Read(strings.NewReader(string(f.Data)), lines.Options{Name: f.Name}, func(lines.Line) error { return mine }); !errors.Is(err, mine) {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// TestQuotesThatNeverClose: each line may begin a quoted field that goes on in all the
// others. What is done for that is counted by what it allocates.
func TestQuotesThatNeverClose(t *testing.T) {
	in := "openid,a\n" + strings.Repeat(strings.Repeat("b", 2_500)+"\",\"\n", 60)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, bad, _, err := read(t, []byte(in), lines.Options{})
	runtime.ReadMemStats(&after)
	if err != nil || len(bad) != 60 {
		t.Errorf("%d bad lines, %v", len(bad), err)
	}
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 32 {
		t.Errorf("%d KiB took %d MiB", len(in)>>10, mib)
	}
}

// TestWaiting: long strings that wait for an OpenID in their list are not held.
func TestWaiting(t *testing.T) {
	in := strings.NewReader(`["x"` + strings.Repeat(`,"`+strings.Repeat("no", 32<<10)+`"`, 32) + `,"` + linestest.ID(1) + `"]`)
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := held(), uint64(0)
	sum, err := lines.Read(in, lines.Options{}, func(lines.Line) error {
		if most == 0 {
			most = held()
		}
		return nil
	})
	if err != nil || sum.OpenIDs != 1 {
		t.Fatal(sum, err)
	}
	if kib := (most - min(most, before)) >> 10; kib > 1<<10 {
		t.Errorf("%d KiB were held", kib)
	}
}

// TestMentioned: who only stands in a bad line is not named, and what is no OpenID stays.
func TestMentioned(t *testing.T) {
	id := linestest.ID(1)
	for text, want := range map[string]string{
		"# like " + id: "like …", id + "X " + id + ",2": id + "X …,2", "oxx": "oxx", id: "…", "": "",
	} {
		if got := lines.Mentioned(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
