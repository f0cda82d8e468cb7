package upstream_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/lists/expiry"
	"mpblock/internal/upstream"
	"mpblock/mpblocktest"
)

// expire has a process of a world unblock whose end has come. It returns what ends that.
func (w *world) expire(g *gateway) (end func()) {
	ctx, stop := context.WithCancel(w.Context())
	done := make(chan struct{})
	worker := expiry.New(expiry.Options{
		Due: g.store.Due, Apply: g.lists.Apply, Clock: w.clock, Report: func(error) {},
		Account: func(context.Context, mpblock.AppID) (*mpblock.Account, error) { return w.account, nil },
	})
	go func() {
		defer close(done)
		worker.Run(ctx)
	}()
	return func() { stop(); <-done }
}

// unblocks returns when the platform was told to unblock each, as often as it was.
func (w *world) unblocks() map[string][]time.Time {
	w.Helper()
	all := map[string][]time.Time{}
	for _, c := range w.platform.Journal() {
		if !strings.HasSuffix(c.Path, "/batchunblacklist") {
			continue
		}
		var in struct {
			OpenIDs []string `json:"openid_list"`
		}
		if err := json.Unmarshal([]byte(c.Request), &in); err != nil {
			w.Fatal(err)
		}
		for _, id := range in.OpenIDs {
			all[id] = append(all[id], c.Time)
		}
	}
	return all
}

// Those whose end comes are unblocked on the platform too, then and not before, once, by
// expiry; on one of two nodes at a time, and also where the platform loses answers, or does
// not get the call.
func TestEndsOnThePlatform(t *testing.T) {
	t.Parallel()
	const unblock = "*/batchunblacklist"
	lostAnswers := func(w *world) { w.platform.Plan("lost-answers") }
	for _, tt := range []struct {
		name  string
		fault func(*world)
		late  time.Duration // at most
		again bool          // a call may be made anew: it was read that it had not happened
	}{
		{name: "no fault", fault: func(*world) {}, late: 3 * time.Second},
		{name: "lost-answers", fault: lostAnswers, late: 3 * time.Second},
		{name: "each answer is lost", late: 5 * time.Minute, fault: func(w *world) {
			w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: unblock}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}})
		}},
		{name: "each second call does not arrive", late: 10 * time.Second, again: true, fault: func(w *world) {
			w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: unblock, Every: 2}, Effect: mpblocktest.Effect{Reset: mpblocktest.Before}})
		}},
		{name: "the platform is away for 10 minutes, and then loses answers", late: 16 * time.Minute, again: true, fault: func(w *world) {
			w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{}, Effect: mpblocktest.Effect{HTTP: 502}})
			time.AfterFunc(time.Hour+10*time.Minute, func() { lostAnswers(w) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				fans := w.platform.Followers(320)
				nodes := []*gateway{w.gateway(), w.gateway()}
				for _, g := range nodes {
					defer g.close()
					defer w.expire(g)()
				}
				end := time.Now().Add(time.Hour).Truncate(time.Second)
				ends := map[string]time.Time{}
				block := func(ids []string, until time.Time) {
					for batch := range slices.Chunk(ids, 20) {
						if _, err := nodes[0].lists.ByHand(t.Context(), w.account, lists.Hand{Actor: "console:li.si", Action: mpblock.Block, OpenIDs: batch, Reason: "spam", Until: until}); err != nil {
							t.Fatal(err)
						}
						for _, id := range batch {
							ends[id] = until
						}
					}
				}
				block(fans[:200], end)
				block(fans[200:300], end.Add(30*time.Second))
				block(fans[300:], time.Time{})
				tt.fault(w)
				time.Sleep(time.Until(end) - time.Millisecond)
				if n := len(w.unblocks()); n > 0 || len(w.here()) != 320 {
					t.Errorf("%d were unblocked early", n)
				}
				time.Sleep(30*time.Second + tt.late)
				if here, there := w.here(), w.platform.Blocked(); len(here) != 20 || !slices.Equal(here, there) {
					t.Errorf("%d are blocked here, %d there", len(here), len(there))
				}
				told := w.unblocks()
				for id, until := range ends {
					if at := told[id]; len(at) == 0 != until.IsZero() || len(at) > 1 && !tt.again || len(at) > 0 && at[0].Before(until) {
						t.Errorf("%s, whose end is %v: the platform was told %v", id, until, at)
					}
				}
				for _, c := range w.log() {
					if c.Action == mpblock.Unblock && c.Actor != mpblock.ActorExpiry || c.Actor == upstream.Platform {
						t.Errorf("%+v", c)
					}
				}
				w.settled()
				w.audit(map[string]string{"console:li.si": "spam", mpblock.ActorExpiry: ""})
			})
		})
	}
}
