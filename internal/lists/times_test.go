package lists

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

// history reads all pages of a query and returns the seqs.
func (l *logged) history(q ChangeQuery) (got []uint64) {
	l.t.Helper()
	for {
		page, err := l.svc.History(l.t.Context(), l.app, q)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, r := range page.Rows {
			got = append(got, r.Seq)
		}
		if q.Before = page.Next; q.Before == 0 {
			return got
		}
	}
}

// What is searched for by time is found, whatever clocks did, and however far the
// digest has come.
func TestSearchByTimeAfterWrongClocks(t *testing.T) {
	for name, leap := range map[string]int{"now and then": 60, "too often to be kept": 2} {
		t.Run(name, func(t *testing.T) {
			l, rnd := newLogged(t, 1), rand.New(rand.NewPCG(1, uint64(leap)))
			begin := l.now
			var log []mpblock.Change
			for i := range 2*digestWork + 50 {
				if i%leap == 0 {
					l.now = begin.Add(time.Duration(rnd.IntN(10_000)) * time.Minute)
				}
				log = append(log, l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], "api", "", 0, 1))
			}
			for range 4 { // the digest comes further each time
				since := begin.Add(time.Duration(rnd.IntN(10_000)) * time.Minute)
				for _, q := range []ChangeQuery{{Since: since}, {Until: since}, {Since: since, Until: since.Add(1000 * time.Minute)}} {
					var want []uint64
					for _, c := range slices.Backward(log) {
						if !c.Time.Before(q.Since) && (q.Until.IsZero() || c.Time.Before(q.Until)) {
							want = append(want, c.Seq)
						}
					}
					q.Limit = MaxRows
					if got := l.history(q); !slices.Equal(got, want) {
						t.Errorf("from %v to %v: %d changes, want %d", q.Since, q.Until, len(got), len(want))
					}
				}
			}
			g, behind, err := l.svc.digest(t.Context(), l.app)
			if err != nil || behind != 0 || len(g.Times.Back) == 0 || len(g.Times.Back) > maxBack || (g.Times.From != 0) != (leap == 2) {
				t.Errorf("behind by %d, %d places from change %d, %v", behind, len(g.Times.Back), g.Times.From, err)
			}
		})
	}
}

// A wrong clock is told of once, in words, and dates no change but its own.
func TestWrongClockIsToldOfOnce(t *testing.T) {
	var log bytes.Buffer
	svc, err := New(memstore.New(), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l := newLogged(t, 0)
	l.svc, l.ids = svc, follow(t, svc, l.a, 9)
	right := l.now
	l.apply(mpblock.Block, "api", "", 0, 1)
	l.now = right.AddDate(1, 0, 0)
	l.apply(mpblock.Block, "api", "", 1, 2)
	l.apply(mpblock.Block, "api", "", 2, 3)
	if err := svc.CatchUp(t.Context(), l.app); err != nil || log.Len() > 0 {
		t.Fatal(err, log.String())
	}
	l.now = right.Add(time.Hour)
	want := l.now.Add(time.Minute)
	if c := l.apply(mpblock.Block, "api", "", 3, 4); !c.Time.Equal(want) {
		t.Errorf("dated %v, want %v", c.Time, want)
	}
	l.apply(mpblock.Block, "api", "", 4, 5)
	for range 3 {
		if err := svc.CatchUp(t.Context(), l.app); err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"a clock was wrong", "Set the clocks", "appid=" + string(l.app), "change=3", "next=4", "clock_here="} {
		if n := strings.Count(log.String(), word); n != 1 {
			t.Errorf("%q stands %d times in the log:\n%s", word, n, log.String())
		}
	}
}
