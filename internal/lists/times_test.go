package lists

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists/digest"
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
			for i := range 2*digest.Work + 50 {
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
			g, behind, err := l.svc.digests.Of(t.Context(), l.app)
			if err != nil || behind != 0 || len(g.Times.Back) == 0 || (g.Times.From != 0) != (leap == 2) {
				t.Errorf("behind by %d, %d places from change %d, %v", behind, len(g.Times.Back), g.Times.From, err)
			}
		})
	}
}
