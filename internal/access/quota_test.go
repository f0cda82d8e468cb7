package access

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

func (r *rig) limit(daily, perMinute map[mpblock.Call]int) {
	r.t.Helper()
	_, err := r.UpdateAccount(r.t.Context(), r.account.AppID, func(a *mpblock.Account) error {
		a.Daily, a.PerMinute = daily, perMinute
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func only(n int) map[mpblock.Call]int { return map[mpblock.Call]int{mpblock.CallList: n} }

func TestDailyQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t) // the clock begins at midnight UTC, which is 8 in the morning there
		r.limit(only(3), nil)
		tok := r.stable(false).Value
		for range 3 {
			r.want(tok, wire.CodeOK)
		}
		r.want(tok, wire.CodeDailyQuota)
		if _, err := r.Authorize(t.Context(), tok, mpblock.CallBlock, loopback); err != nil {
			t.Errorf("another call is limited too: %v", err)
		}
		time.Sleep(16*time.Hour - time.Second)
		r.want(r.stable(false).Value, wire.CodeDailyQuota)
		time.Sleep(time.Second) // midnight in UTC+8
		r.want(r.stable(false).Value, wire.CodeOK)
	})
}

func TestMinuteRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.limit(only(100), only(2))
		tok := r.stable(false).Value
		time.Sleep(30 * time.Second)
		r.want(tok, wire.CodeOK)
		r.want(tok, wire.CodeOK)
		r.want(tok, wire.CodeMinuteRate)
		time.Sleep(30*time.Second - time.Millisecond)
		r.want(tok, wire.CodeMinuteRate)
		time.Sleep(time.Millisecond)
		r.want(tok, wire.CodeOK)
		r.limit(only(4), nil) // the two that were slowed down did not count towards the day
		r.want(tok, wire.CodeOK)
		r.want(tok, wire.CodeDailyQuota)
	})
}

// A limit is never exceeded and wholly usable, over nodes, callers and restarts.
func TestQuotaOverNodes(t *testing.T) {
	for _, limit := range []int{1, 7, 500} {
		r := newRig(t)
		r.limit(only(limit), nil)
		tok := r.stable(false).Value
		var ok atomic.Int32
		spend := func(nodes ...*rig) {
			var wg sync.WaitGroup
			for _, n := range nodes {
				for range 4 {
					wg.Go(func() {
						for range limit / 4 {
							if _, err := n.Authorize(t.Context(), tok, mpblock.CallList, loopback); err == nil {
								ok.Add(1)
							}
						}
					})
				}
			}
			wg.Wait()
			for _, n := range nodes {
				if err := n.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		first := r.node()
		for range limit / 3 {
			if _, err := first.Authorize(t.Context(), tok, mpblock.CallList, loopback); err == nil {
				ok.Add(1)
			}
		}
		if err := first.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		spend(r.node(), r.node())
		last := r.node()
		for range limit {
			if _, err := last.Authorize(t.Context(), tok, mpblock.CallList, loopback); err == nil {
				ok.Add(1)
			}
		}
		if int(ok.Load()) != limit {
			t.Errorf("limit %d: %d calls went through", limit, ok.Load())
		}
	}
}

// A node that is killed loses what it had reserved, and no more than it may.
func TestQuotaOfAKilledNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.limit(only(100), nil)
		tok := r.stable(false).Value
		r.node().want(tok, wire.CodeOK) // reserves 5, spends 1, and is gone
		n := 1
		for last := r.node(); ; n++ {
			if _, err := last.Authorize(t.Context(), tok, mpblock.CallList, loopback); err != nil {
				wantCode(t, err, wire.CodeDailyQuota)
				break
			}
		}
		if n != 96 {
			t.Errorf("%d calls went through, want 96", n)
		}
	})
}

func TestQuotaRecordsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.limit(only(5), only(5))
		r.want(r.stable(false).Value, wire.CodeOK)
		if rs, err := r.store.List(t.Context(), string(kindQuota), "", 10); err != nil || len(rs) != 2 {
			t.Errorf("%d records, %v", len(rs), err)
		}
		time.Sleep(26 * time.Hour)
		if rs, err := r.store.List(t.Context(), string(kindQuota), "", 10); err != nil || len(rs) != 0 {
			t.Errorf("%d records after the day, %v", len(rs), err)
		}
	})
}

// deafStore tells of an error once, of a write that it has made.
type deafStore struct {
	mpblock.Records
	deaf atomic.Bool
}

func (s *deafStore) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	r, err := s.Records.Put(ctx, r)
	if err == nil && s.deaf.CompareAndSwap(true, false) {
		return r, context.DeadlineExceeded
	}
	return r, err
}

// What a node gives back is given back once, where it does not learn that it was too.
func TestQuotaIsGivenBackOnce(t *testing.T) {
	store := &deafStore{Records: memstore.New()}
	var q quotas
	w := dayWindow(time.Now())
	take := func(limit int) (bool, error) {
		return q.take(t.Context(), store, "wx0123456789abcdef", mpblock.CallList, w, limit)
	}
	n := 0
	for range 3 { // of a share of 5
		if took, err := take(100); err != nil || !took {
			t.Fatal(took, err)
		}
		n++
	}
	store.deaf.Store(true)
	if _, err := take(10); err == nil {
		t.Fatal("the store's error is not told")
	}
	for {
		took, err := take(10)
		if err != nil {
			t.Fatal(err)
		}
		if !took {
			break
		}
		n++
	}
	if n > 10 {
		t.Errorf("%d calls went through, the limit is 10", n)
	}
}

// A caller that has waited from one window into the next does not cost the next what
// is reserved of it.
func TestQuotaOfALateCaller(t *testing.T) {
	store := memstore.New()
	var q quotas
	const app mpblock.AppID = "wx0123456789abcdef"
	before, now := minuteWindow(time.Now().Add(-time.Minute)), minuteWindow(time.Now().Add(time.Minute))
	for _, w := range []window{now, before, now, before, now} {
		if took, err := q.take(t.Context(), store, app, mpblock.CallList, w, 100); err != nil || !took {
			t.Fatal(took, err)
		}
	}
	e, err := kindQuota.Get(t.Context(), store, quotaKey(app, mpblock.CallList, now))
	if err != nil || e.Value.Used != 5 { // one share
		t.Errorf("%d calls are reserved, %v", e.Value.Used, err)
	}
}
