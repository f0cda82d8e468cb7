package upstream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/upstream/budget"
	"mpblock/mpblocktest"
)

func (w *world) examine(g *gateway) {
	w.Helper()
	if _, err := g.upstream.Examine(w.Context(), w.account.AppID); err != nil {
		w.Fatal(err)
	}
}

// What the platform says of its limits holds where nobody has set any: a job stops before
// 45009, leaves calls to people, and goes on the next day.
func TestLimitsThatThePlatformNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, mpblocktest.WithDaily(20))
		w.clock = w.platform
		fans := w.platform.Followers(500)
		g := w.gateway()
		defer g.close()
		w.examine(g)
		if told := w.state(g).Told; told.Day != (budget.Calls{20, 20, 20}) || told.Minute != (budget.Calls{}) || !told.At.Equal(w.platform.Now()) {
			t.Fatalf("%+v", told)
		}
		j, err := w.start(g, mpblock.Block, "spam", fans[:400]...)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if st := w.state(g); st.Used.OfDay[budget.Block] != 17 || st.Codes[45009] != 0 {
			t.Errorf("%+v, %v", st.Used, st.Codes)
		}
		for i := range 4 { // it is eight in the morning there
			if err := w.byHand(g, fans[400+i]); (err != nil) != (i == 3) || err != nil && key(err) != "upstream.day" {
				t.Errorf("by hand %d: %v", i, err)
			}
		}
		w.platform.Advance(24 * time.Hour)
		if j = w.await(g, j.ID); j.State != jobs.JobDone || j.Progress.Done != 400 {
			t.Errorf("the next day: %+v", j)
		}
		if st := w.state(g); st.Codes[45009] != 0 {
			t.Errorf("the platform was asked too often: %v", st.Codes)
		}
		w.settled()
	})
}

// A limit that somebody has set wins, and goes again with 0; what the platform does not name,
// and a doctor that is refused, change nothing.
func TestOwnLimitsWin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(20)
		g := w.gateway()
		defer g.close()
		w.examine(g)
		if told := w.state(g).Told; told.Day != (budget.Calls{}) {
			t.Errorf("no limit is one: %+v", told)
		}
		quota := mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/quota/get"}, Effect: mpblocktest.Effect{
			HTTP: 200, Body: `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":3,"used":0,"remain":3},"rate_limit":{"call_count":1,"refresh_second":30}}`}}
		w.platform.Fail(quota)
		w.examine(g)
		if told := w.state(g).Told; told.Day != (budget.Calls{3, 3, 3}) || told.Minute != (budget.Calls{2, 2, 2}) {
			t.Fatalf("%+v", told)
		}
		w.platform.Fail(mpblocktest.Rule{Match: quota.Match, Effect: mpblocktest.Errcode(48001)})
		w.examine(g)
		next := 0
		change := func(want string) {
			t.Helper()
			err := w.byHand(g, fans[next])
			if next++; err == nil && want != "" || err != nil && key(err) != want {
				t.Errorf("%v, want %q", err, want)
			}
		}
		set := func(l budget.Limits) {
			t.Helper()
			if err := g.upstream.SetLimits(t.Context(), w.account.AppID, l); err != nil {
				t.Fatal(err)
			}
		}
		change("")
		change("")
		change("upstream.minute")
		set(budget.Limits{Minute: 100})
		change("")
		change("upstream.day")
		set(budget.Limits{Minute: 100, Day: 4})
		change("")
		change("upstream.day")
		set(budget.Limits{})
		time.Sleep(time.Minute)
		change("upstream.day")
	})
}

// How long a page is shows in each reading, and says how many calls the next will take.
func TestPagesAreLearnt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, mpblocktest.WithPageSize(50))
		w.platform.Drift(w.platform.Followers(200), nil)
		g := w.gateway()
		defer g.close()
		w.examine(g)
		if n := w.state(g).Page; n != 50 {
			t.Errorf("the doctor: %d", n)
		}
		w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{PageSize: 40}})
		if u, err := g.upstream.Sync(t.Context(), w.account.AppID, false); err != nil || u.Page != 40 {
			t.Errorf("%v, a reading: %d", err, u.Page)
		}
		for _, day := range []int{6, 9} { // 7 pages are no more than 0.8 of 9
			time.Sleep(24 * time.Hour)
			if err := g.upstream.SetLimits(t.Context(), w.account.AppID, budget.Limits{Day: day}); err != nil {
				t.Fatal(err)
			}
			if _, err := g.upstream.Sync(t.Context(), w.account.AppID, false); (err != nil) != (day == 6) {
				t.Errorf("a reading of 7 pages where the day has %d: %v", day, err)
			}
		}
	})
}
