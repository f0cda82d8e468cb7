package upstream_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/upstream/budget"
	"mpblock/mpblocktest"
)

// A batch of 500 is undone though a tenth of the answers is lost.
func TestUndoUnderLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := w.gateway()
		defer g.close()
		fans := w.platform.Followers(500)
		w.platform.Plan("lost-answers")
		j, err := w.start(g, mpblock.Block, "spam", fans...)
		if err != nil {
			t.Fatal(err)
		}
		if j = w.await(g, j.ID); j.State != jobs.JobDone || j.Progress.Done != 500 {
			t.Fatalf("%+v", j)
		}
		log := w.log()
		if len(log) != 1 || len(log[0].OpenIDs) != 500 || log[0].Reason != "spam" {
			t.Fatalf("%d changes", len(log))
		}
		struck := w.platform.Struck()
		out, err := g.lists.Undo(t.Context(), w.account, "console:li.si", 1, "by mistake")
		if err != nil || out.Done != 500 || out.Left != 0 || out.Made.Undoes != 1 || out.Made.Reason != "by mistake" {
			t.Errorf("%v: %+v", err, out.Outcome)
		}
		if w.platform.Struck() == struck {
			t.Error("no answer was lost")
		}
		w.settled()
		if n := len(w.here()); n != 0 {
			t.Errorf("%d are blocked", n)
		}
	})
}

// Of a list a third of which the platform does not know, or refuses, the others go
// through, at not many more calls than one for each.
func TestManyBad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := w.gateway()
		defer g.close()
		fans := w.platform.Followers(400)
		limited := fans[7]
		w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", OpenID: limited}, Effect: mpblocktest.Errcode(50002)})
		asked := slices.Clone(fans)
		for range 200 {
			asked = append(asked, w.platform.Stranger())
		}
		j, err := w.start(g, mpblock.Block, "", asked...)
		if err != nil {
			t.Fatal(err)
		}
		if j = w.await(g, j.ID); j.Progress.Done != 399 || j.Progress.Refused != 201 {
			t.Errorf("%+v", j.Progress)
		}
		for r, err := range g.jobs.Refused(t.Context(), w.account.AppID, j.ID) {
			if want := map[bool]string{true: "50002", false: "40003"}[r.Text == limited]; err != nil || r.Why != jobs.WhyPlatform || r.Detail != want {
				t.Errorf("%v: %+v", err, r)
			}
		}
		if !maps.Equal(j.Codes, map[int]int{40003: 200, 50002: 1}) {
			t.Errorf("refused by codes: %v", j.Codes)
		}
		if st, err := g.upstream.State(t.Context(), w.account.AppID); err != nil || st.Used.OfDay[budget.Block] > 700 || st.Codes[40003] < 200 {
			t.Errorf("%v: %+v", err, st)
		}
		w.settled()
	})
}

// Nodes take turns, and a killed one's work is taken over.
func TestNodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(600)
		w.platform.Plan("lost-answers")
		nodes := []*gateway{w.gateway(), w.gateway(), w.gateway()}
		reasons := map[string]string{}
		var mu sync.Mutex
		acknowledged := map[string]bool{}
		var writers sync.WaitGroup
		change := func(g *gateway, actor string, ids []string) {
			mu.Lock()
			reasons[actor] = "because of " + actor
			mu.Unlock()
			if _, err := g.lists.ByHand(t.Context(), w.account, lists.Hand{Actor: actor, Action: mpblock.Block, OpenIDs: ids, Reason: "because of " + actor}); err == nil {
				mu.Lock()
				defer mu.Unlock()
				for _, id := range ids {
					acknowledged[id] = true
				}
			}
		}
		for i := range 30 {
			writers.Go(func() { change(nodes[i%3], fmt.Sprintf("console:%d", i), fans[20*i:20*i+20]) })
		}
		time.Sleep(300 * time.Millisecond)
		nodes[0].store.left.Store(0) // whatever it is at
		writers.Wait()
		if len(acknowledged) < 300 {
			t.Errorf("%d are acknowledged", len(acknowledged))
		}
		for range 5 {
			time.Sleep(5 * time.Second)
			if err := nodes[1].upstream.Settle(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for _, n := range nodes {
			n.close()
		}
		here := w.here()
		for id := range acknowledged {
			if !slices.Contains(here, id) {
				t.Errorf("%s was acknowledged, and is not blocked", id)
			}
		}
		w.settled()
		w.audit(reasons)
		t.Logf("%d of 600 acknowledged with one of three nodes killed", len(acknowledged))
	})
}

// People come before jobs, on the node of the job and on another one, and see each change
// in the order in which it was made.
func TestPeopleComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(2_100)
		w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batch*"}, Effect: mpblocktest.Effect{Latency: mpblocktest.Duration(100 * time.Millisecond)}})
		g, other := w.gateway(), w.gateway()
		defer g.close()
		defer other.close()
		j, err := w.start(g, mpblock.Block, "spam", fans[:2_000]...)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // the job has some 100 calls to make
		for i, at := range []*gateway{g, g, other} {
			begin := time.Now()
			mine := append(slices.Clone(fans[i*5:i*5+5]), fans[2_000+i])
			for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
				if _, err := at.lists.ByHand(t.Context(), w.account, lists.Hand{Actor: "console:li.si", Action: action, OpenIDs: mine, Reason: "I know him"}); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(begin); took > 4*time.Second || took < 200*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		}
		if now, err := g.jobs.Job(t.Context(), w.account.AppID, j.ID); err != nil || !now.Active() {
			t.Errorf("%v: the job has ended before: %+v", err, now.Progress)
		}
		if j = w.await(g, j.ID); j.Progress.Done != 2_000 {
			t.Errorf("%+v", j.Progress)
		}
		if n := len(w.here()); n != 1_985 && n != 2_000 {
			t.Errorf("%d are blocked", n)
		}
		w.settled()
	})
}

// A job of 100,000 goes on from day to day where the platform takes 2,000 calls a day, and
// leaves some to people.
func TestAJobOfDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, mpblocktest.WithDaily(2_000))
		w.clock = w.platform
		fans := w.platform.Followers(100_020)
		g := w.gateway()
		defer g.close()
		if err := g.upstream.SetLimits(t.Context(), w.account.AppID, budget.Limits{Day: 2_000}); err != nil {
			t.Fatal(err)
		}
		j, err := w.start(g, mpblock.Block, "spam", fans[:100_000]...)
		if err != nil {
			t.Fatal(err)
		}
		days := []int{}
		for last := 0; ; {
			time.Sleep(time.Minute)
			now, err := g.jobs.Job(t.Context(), w.account.AppID, j.ID)
			if err != nil || !now.Active() {
				break
			}
			here := len(w.here())
			if here > last {
				last = here
				continue
			}
			days = append(days, here)
			by := []string{fans[100_000+len(days)]}
			if _, err := g.lists.ByHand(t.Context(), w.account, lists.Hand{Actor: "console:li.si", Action: mpblock.Block, OpenIDs: by, Reason: ""}); err != nil {
				t.Errorf("day %d: %v", len(days), err)
			}
			w.platform.Advance(24 * time.Hour)
		}
		if j = w.await(g, j.ID); j.State != jobs.JobDone || j.Progress.Done != 100_000 || len(days) < 2 || len(days) > 3 {
			t.Errorf("after %d days %+v, %v", len(days), j, days)
		}
		if st, err := g.upstream.State(t.Context(), w.account.AppID); err != nil || st.Codes[45009] != 0 || st.Used.OfDay[budget.Block] > 2_000 {
			t.Errorf("%v: %+v", err, st)
		}
		t.Logf("blocked at the end of each day: %v", days)
		w.settled()
	})
}

// Without a budget of its own the gateway learns from the platform: 45009 ends the day for
// jobs, 45011 the minute, and who calls in person is told.
func TestThePlatformsOwnLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock = w.platform
		fans := w.platform.Followers(400)
		g := w.gateway()
		defer g.close()
		w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist", Nth: 3}, Effect: mpblocktest.Errcode(45011)})
		begin := time.Now()
		j, err := w.start(g, mpblock.Block, "", fans[:100]...)
		if err != nil {
			t.Fatal(err)
		}
		if j = w.await(g, j.ID); j.Progress.Done != 100 || time.Since(begin) > 70*time.Second {
			t.Errorf("after %v %+v", time.Since(begin), j.Progress)
		}
		w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Errcode(45009)})
		if j, err = w.start(g, mpblock.Block, "", fans[100:200]...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if n := w.platform.Struck(); n != 1 {
			t.Errorf("asked %d times on a day that is over", n)
		}
		if _, err := g.lists.ByHand(t.Context(), w.account, lists.Hand{Actor: "console:li.si", Action: mpblock.Block, OpenIDs: fans[300:301], Reason: ""}); err == nil {
			t.Error("a person is not told that the day is over")
		}
		w.platform.Fail()
		w.platform.Advance(24 * time.Hour)
		if j = w.await(g, j.ID); j.Progress.Done != 100 {
			t.Errorf("the next day: %+v", j.Progress)
		}
		w.settled()
	})
}
