package lines_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

// read returns what is read of an input.
func read(t *testing.T, data []byte, o lines.Options) (ids []string, bad []lines.Line, sum lines.Summary, err error) {
	t.Helper()
	sum, err = lines.Read(bytes.NewReader(data), o, func(l lines.Line) error {
		if l.Problem != nil {
			bad = append(bad, l)
		} else {
			ids = append(ids, l.OpenID.String())
		}
		return nil
	})
	if sum.OpenIDs != len(ids) || sum.Bad != len(bad) {
		t.Errorf("the summary has %d and %d, handed over were %d OpenIDs and %d bad lines", sum.OpenIDs, sum.Bad, len(ids), len(bad))
	}
	return ids, bad, sum, err
}

func numbers(bad []lines.Line) (n []int) {
	for _, l := range bad {
		n = append(n, l.Number)
	}
	return n
}

func TestFiles(t *testing.T) {
	files := linestest.Files()
	if len(files) < 60 {
		t.Errorf("%d files", len(files))
	}
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			ids, bad, sum, err := read(t, f.Data, lines.Options{Name: f.Name})
			if f.Error != "" {
				var e *lines.Error
				if !errors.As(err, &e) || !strings.Contains(e.Error(), f.Error) || e.Hint == "" {
					t.Errorf("error %v, want %q and a hint", err, f.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(ids, f.OpenIDs) {
				t.Errorf("OpenIDs: %s", cmp.Diff(f.OpenIDs, ids))
			}
			if d := cmp.Diff(f.Bad, numbers(bad)); d != "" {
				t.Errorf("bad lines: %s", d)
			}
			want, is := fmt.Sprintf("%s: %s\n", f.Name, f.Summary), fmt.Sprintf("%s: %s\n", f.Name, sum)
			for _, l := range f.Told {
				want += l.String()
			}
			for _, l := range bad {
				is += linestest.Told{Line: l.Number, Text: l.Text, Why: l.Problem.Error()}.String()
			}
			if want != is {
				t.Errorf("told.txt has\n%s\nwhat is said is\n%s", want, is)
			}
		})
	}
}
