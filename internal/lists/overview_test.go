package lists

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/record"
	"mpblock/internal/storetest"
)

func TestOverview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9*time.Hour + 30*time.Minute) // past the bubble's beginning: 17:30 in UTC+8, still that day
		l := newLogged(t, 20)
		l.now = time.Now().Add(-24 * time.Hour)
		l.apply(mpblock.Block, "api", "spam", 0, 5)
		l.apply(mpblock.Block, "api", "", 5, 6)
		l.now = time.Now().Add(-time.Hour)
		l.apply(mpblock.Block, "api", "abuse", 6, 9)
		l.apply(mpblock.Block, "api", "spam", 9, 10)
		l.apply(mpblock.Unblock, "api", "sorry", 0, 2)
		o, err := l.svc.Overview(t.Context(), l.app)
		if err != nil {
			t.Fatal(err)
		}
		if o.Totals != (Totals{Followers: 20, Blocked: 8}) || o.Behind != 0 || len(o.Days) != OverviewDays || len(o.Last) != 5 || o.Last[0].Seq != 5 {
			t.Errorf("overview %+v", o)
		}
		today, yesterday := o.Days[OverviewDays-1], o.Days[OverviewDays-2]
		if today.Blocked != 4 || today.Unblocked != 2 || yesterday.Blocked != 6 || o.Days[0].Blocked != 0 {
			t.Errorf("days %+v", o.Days[OverviewDays-3:])
		}
		if !today.Day.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, mpblock.Zone)) {
			t.Errorf("today is %v", today.Day)
		}
		if !slices.Equal(o.Reasons, []ReasonCount{{"spam", 6}, {"abuse", 3}, {"", 1}}) {
			t.Errorf("reasons %v", o.Reasons)
		}
		reasons, err := l.svc.Reasons(t.Context(), l.app, 2)
		if err != nil || !slices.Equal(reasons, []string{"spam", "abuse"}) {
			t.Errorf("reasons %v, %v", reasons, err)
		}
	})
}

// A digest catches up a piece at a time, counts each change once whichever node adds
// it, and reads only what is new.
func TestDigestCatchesUp(t *testing.T) {
	l := newLogged(t, 1)
	const n = 2*digestWork + 10
	for i := range n {
		l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], "api", "", 0, 1)
	}
	o, err := l.svc.Overview(t.Context(), l.app)
	if err != nil || o.Behind == 0 || o.Behind > n-digestWork {
		t.Errorf("behind by %d of %d, %v", o.Behind, n, err)
	}
	var wg sync.WaitGroup
	for range 4 {
		svc := open(t, l.svc.store)
		wg.Go(func() {
			if err := svc.CatchUp(t.Context(), l.app); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	g, behind, err := l.svc.digest(t.Context(), l.app)
	sum := [2]int{}
	for _, c := range g.Days {
		sum[0] += c[0]
		sum[1] += c[1]
	}
	if err != nil || behind != 0 || g.Seq != n || sum != [2]int{n / 2, n / 2} {
		t.Errorf("digest up to %d counts %v, behind by %d, %v", g.Seq, sum, behind, err)
	}
	counted := storetest.NewSlow(l.svc.store, 0)
	l.on(counted)
	_, behind, err = l.svc.digest(t.Context(), l.app)
	if calls := counted.Calls(); err != nil || behind != 0 || len(calls) != 2 || calls["Get"] != 1 || calls["Blacklist"] != 1 {
		t.Errorf("a digest that is up to date took %v, %v", calls, err)
	}
}

func TestDigestStaysSmall(t *testing.T) {
	g := digest{Days: map[string][2]int{}, Reasons: map[string]int{}}
	ids := make([]mpblock.OpenID, 2)
	for i := range 3 * digestReasons {
		g.add(mpblock.Change{Action: mpblock.Block, Reason: fmt.Sprint("<", i, strings.Repeat(">", 1000)), OpenIDs: ids[:1], Time: time.Now()})
	}
	g.add(mpblock.Change{Action: mpblock.Block, Reason: "often", OpenIDs: ids, Time: time.Now()})
	for i := range digestDays {
		g.add(mpblock.Change{Action: mpblock.Unblock, OpenIDs: ids, Time: time.Now().AddDate(-2, 0, -i)})
	}
	g.trim()
	if err := kindDigest.Record(record.Entry[digest]{Key: "app", Value: g}).Validate(); err != nil {
		t.Error(err)
	}
	if g.Reasons["often"] != 2 || len(g.Reasons) < 10 || len(g.Days) != digestDays {
		t.Errorf("%d reasons, %d days", len(g.Reasons), len(g.Days))
	}
}
