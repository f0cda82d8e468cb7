package upstream_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/upstream/budget"
	"mpblock/mpblocktest"
)

// A platform that answers an empty list for an hour changes nothing here, however few are
// blocked, settles no lost answer, and it is told what is going on. The next good reading
// ends it.
func TestAnEmptyListForAnHour(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 200} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.clock = w.platform
			fans := w.platform.Followers(n + 1)
			w.platform.Drift(fans[:n], nil)
			g := w.gateway()
			defer g.close()
			app := w.account.AppID
			if u, err := g.upstream.Sync(t.Context(), app, false); err != nil || u.Added != n {
				t.Fatalf("%v: %+v", err, u)
			}
			empty := mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: `{"total":0,"count":0,"next_openid":""}`}}
			w.platform.Fail(empty, mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchunblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}})
			for range 12 {
				w.platform.Advance(5 * time.Minute)
				if err := g.upstream.SyncDue(t.Context(), app, time.Minute); err != nil {
					t.Error(err)
				}
			}
			st, err := g.upstream.State(t.Context(), app)
			if err != nil || st.Held == nil || st.Held.Removed != n || len(st.Walks) != 13 || len(w.here()) != n {
				t.Errorf("%v: %d blocked here, %+v", err, len(w.here()), st)
			}
			if n > 1 { // one that is gone may be the one that is asked about
				id := []string{fans[0]}
				if err := g.lists.Change(t.Context(), w.account, mpblock.ActorAPI, mpblock.Unblock, id); err == nil || len(w.here()) != n {
					t.Errorf("a lost answer was settled by an empty list: %v", err)
				}
				if left, err := g.upstream.Unsettled(t.Context(), app); err != nil || left != 1 {
					t.Errorf("%v, %d are not settled", err, left)
				}
			}
			w.platform.Fail()
			if u, err := g.upstream.Sync(t.Context(), app, false); err != nil || u.Held != nil || u.Removed != 0 {
				t.Errorf("%v: %+v", err, u)
			}
			w.settled()
		})
	}
}

// counting is a store that counts what is written into records.
type counting struct {
	mpblock.Store
	bytes atomic.Int64
}

func (c *counting) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	c.bytes.Add(int64(len(r.Value)))
	return c.Store.Put(ctx, r)
}

// What is written before each call does not grow with the change: for 10,000 OpenIDs they
// are written once, and 500 times how far it is.
func TestIntentsAreSmall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		store := &counting{Store: w.store}
		w.store = store
		fans := w.platform.Followers(mpblock.MaxWrite)
		g := w.gateway()
		defer g.close()
		b := mpblock.Batch{Action: mpblock.Block, Actor: "console:li.si", Reason: strings.Repeat("because ", 10)}
		for _, text := range fans {
			id, err := mpblock.ParseOpenID(text)
			if err != nil {
				t.Fatal(err)
			}
			b.OpenIDs = append(b.OpenIDs, id)
		}
		store.bytes.Store(0)
		if c, err := g.upstream.Apply(t.Context(), w.account, b, false); err != nil || len(c.OpenIDs) != len(fans) {
			t.Fatal(err)
		}
		t.Logf("%d bytes for %d OpenIDs", store.bytes.Load(), len(fans))
		if n := store.bytes.Load(); n > 1<<20 {
			t.Errorf("%d bytes were written for %d OpenIDs", n, len(fans))
		}
		if st, err := g.upstream.State(t.Context(), w.account.AppID); err != nil || st.Used.OfDay != (budget.Calls{budget.Block: 500}) {
			t.Errorf("%v: %+v", err, st.Used)
		}
		w.settled()
	})
}

// A limit that was set holds for people too, with the platform's codes.
func TestLimitsForPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fans := w.platform.Followers(10)
		g := w.gateway()
		defer g.close()
		for _, c := range []struct {
			limits budget.Limits
			key    string
		}{{budget.Limits{Day: 3}, "upstream.day"}, {budget.Limits{Minute: 3}, "upstream.minute"}, {budget.Limits{Day: -1}, ""}} {
			time.Sleep(24 * time.Hour)
			if err := g.upstream.SetLimits(t.Context(), w.account.AppID, c.limits); (err != nil) != (c.key == "") {
				t.Fatal(err)
			}
			for i := range 4 {
				err := g.lists.Change(t.Context(), w.account, mpblock.ActorAPI, mpblock.Block, fans[i:i+1])
				if c.key == "" {
					continue
				}
				if want := i == 3; (err != nil) != want || want && !strings.Contains(fmt.Sprint(err), "used up") {
					t.Errorf("%s, change %d: %v", c.key, i, err)
				}
			}
		}
	})
}
