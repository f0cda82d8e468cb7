package upstream_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/mpblocktest"
)

// asked returns how often the platform was asked for its list.
func (w *world) asked() (n int) {
	for _, c := range w.platform.Journal() {
		if strings.HasSuffix(c.Path, "/getblacklist") {
			n++
		}
	}
	return n
}

func (w *world) state(g *gateway) upstream.State {
	w.Helper()
	st, err := g.upstream.State(w.Context(), w.account.AppID)
	if err != nil {
		w.Fatal(err)
	}
	return st
}

func (w *world) byHand(g *gateway, id string) error {
	_, err := g.lists.ByHand(w.Context(), w.account, lists.Hand{Actor: "console:li.si", Action: mpblock.Block, OpenIDs: []string{id}, Reason: "by hand"})
	return err
}

// key returns what names an error.
func key(err error) string {
	var own *mpblock.Error
	if errors.As(err, &own) {
		return own.Key
	}
	return fmt.Sprint(err)
}

var lostBlocks = mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}}

func noList(code int) mpblocktest.Rule {
	return mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Errcode(code)}
}

// An answer is lost, and the list cannot be read: it is read again at growing intervals for
// all who wait together, on two nodes, and settled without anybody asking.
func TestOneReadingForAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(200)
		nodes := []*gateway{w.gateway(), w.gateway()}
		defer nodes[0].close()
		defer nodes[1].close()
		w.platform.Fail(lostBlocks, noList(48001))
		if err := w.byHand(nodes[0], fans[0]); key(err) != "upstream.lost" || w.asked() != 1 {
			t.Errorf("%v, asked %d times", err, w.asked())
		}
		ended := make(chan error)
		for i := range 40 {
			go func() { ended <- w.byHand(nodes[i%2], fans[1+i]) }()
		}
		for range 40 {
			if err := <-ended; key(err) != "upstream.lost.again" || !strings.Contains(err.Error(), "UTC+8") {
				t.Errorf("%v", err)
			}
		}
		if st := w.state(nodes[1]); w.asked() != 1 || st.Unsettled == nil || st.Unsettled.Again.IsZero() {
			t.Errorf("asked %d times, %+v", w.asked(), st.Unsettled)
		}
		for range 6 * 60 { // an hour of callers, and of what is called now and then
			time.Sleep(10 * time.Second)
			_ = w.byHand(nodes[0], fans[100])
			_ = nodes[1].upstream.Settle(t.Context())
		}
		if n := w.asked(); n < 15 || n > 22 { // 7 in the first 5 minutes, and then every 5
			t.Errorf("asked %d times in an hour", n)
		}
		if len(w.here()) != 0 {
			t.Errorf("%d are taken for blocked", len(w.here()))
		}
		if u, err := nodes[0].upstream.Sync(t.Context(), w.account.AppID, false); err == nil { // does not wait
			t.Errorf("%+v", u)
		}
		w.platform.Fail()
		time.Sleep(5*time.Minute + time.Second)
		if err := nodes[1].upstream.Settle(t.Context()); err != nil || len(w.here()) != 1 {
			t.Errorf("%v, %d are blocked here", err, len(w.here()))
		}
		w.settled()
		w.audit(map[string]string{"console:li.si": "by hand"})
		if n := len(w.log()); n != 1 {
			t.Errorf("%d changes", n)
		}
	})
}

// Somebody who has the list read need not wait for the time at which that would be done.
func TestSyncSettlesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(3)
		g := w.gateway()
		defer g.close()
		w.platform.Fail(lostBlocks, listing(t, 5, nil))
		for range 3 { // who waits hears the way out each time
			if err := w.byHand(g, fans[0]); key(err) != "upstream.short" {
				t.Errorf("%v", err)
			}
		}
		if n := w.asked(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		w.platform.Fail()
		if _, err := g.upstream.Sync(t.Context(), w.account.AppID, false); err != nil || len(w.here()) != 1 {
			t.Errorf("%v, %d are blocked here", err, len(w.here()))
		}
		if log := w.log(); len(log) != 1 || log[0].Actor != "console:li.si" || log[0].Reason != "by hand" {
			t.Errorf("%+v", log)
		}
	})
}

// read reads the list through a gateway, as a program whose reads are passed on.
func (w *world) read(g *gateway) error {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), http.MethodPost, "/cgi-bin/tags/members/getblacklist", strings.NewReader("{}"))
	a, err := g.upstream.Pass(w.Context(), w.account.AppID, r)
	if err == nil {
		_ = a.Body.Close()
	}
	return err
}

// What programs read on the platform is within the budget, over all nodes, and leaves the
// calls that settle a change; what those cannot do any more waits for the next day.
func TestReadingsAreWithinTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock = w.platform
		fans := w.platform.Followers(500)
		nodes := []*gateway{w.gateway(), w.gateway()}
		defer nodes[0].close()
		defer nodes[1].close()
		if err := nodes[0].upstream.SetLimits(t.Context(), w.account.AppID, budget.Limits{Day: 20}); err != nil {
			t.Fatal(err)
		}
		for i := range 25 {
			if err := w.read(nodes[i%2]); (err != nil) != (i >= 18) || err != nil && key(err) != "upstream.day.fresh" {
				t.Errorf("read %d: %v", i, err)
			}
		}
		if st := w.state(nodes[1]); w.asked() != 18 || st.Used.OfDay[budget.List] != 18 {
			t.Errorf("asked %d times, %+v", w.asked(), st.Used)
		}
		w.platform.Fail(lostBlocks)
		if err := w.byHand(nodes[0], fans[0]); err != nil || w.asked() != 20 {
			t.Errorf("two calls are left to settle it: %v, asked %d times", err, w.asked())
		}
		if err := w.byHand(nodes[0], fans[1]); key(err) != "upstream.lost.spent" || !strings.Contains(err.Error(), "00:00 UTC+8") {
			t.Errorf("%v", err)
		}
		if err := w.byHand(nodes[1], fans[2]); key(err) != "upstream.lost.spent" {
			t.Errorf("on the other node: %v", err)
		}
		j, err := w.start(nodes[1], mpblock.Block, "spam", fans[10:210]...)
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			time.Sleep(time.Minute)
			_ = nodes[0].upstream.Settle(t.Context())
			_, _ = nodes[0].upstream.Sync(t.Context(), w.account.AppID, false)
		}
		st := w.state(nodes[0])
		if w.asked() != 20 || len(w.here()) != 1 || st.Unsettled == nil || st.Unsettled.Actor != "console:li.si" || st.Unsettled.Again.IsZero() {
			t.Errorf("asked %d times, %d are blocked here, %+v", w.asked(), len(w.here()), st.Unsettled)
		}
		w.platform.Fail()
		w.platform.Advance(24 * time.Hour)
		if j = w.await(nodes[1], j.ID); j.State != jobs.JobDone || j.Progress.Done != 200 || len(w.here()) != 202 {
			t.Errorf("the next day: %+v, %d are blocked here", j, len(w.here()))
		}
		w.settled()
		w.audit(map[string]string{"console:li.si": "by hand", "job:" + j.ID: "spam"})
	})
}

// A limit that somebody raises holds at once for people, and within 5 minutes for the rest.
func TestARaisedLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(5)
		g := w.gateway()
		defer g.close()
		limit := func(n int) {
			if err := g.upstream.SetLimits(t.Context(), w.account.AppID, budget.Limits{Day: n}); err != nil {
				t.Fatal(err)
			}
		}
		limit(1)
		w.platform.Fail(lostBlocks)
		if err := w.byHand(g, fans[0]); key(err) != "upstream.lost.spent" || w.asked() != 0 {
			t.Errorf("%v, asked %d times", err, w.asked())
		}
		w.platform.Fail()
		limit(50)
		if err := w.byHand(g, fans[1]); err != nil || len(w.here()) != 2 {
			t.Errorf("%v, %d are blocked here", err, len(w.here()))
		}
		w.settled()
	})
}
