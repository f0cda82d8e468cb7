package access

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
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
		if rs, err := r.store.List(t.Context(), "quota", "", 10); err != nil || len(rs) != 2 {
			t.Errorf("%d records, %v", len(rs), err)
		}
		time.Sleep(26 * time.Hour)
		if rs, err := r.store.List(t.Context(), "quota", "", 10); err != nil || len(rs) != 0 {
			t.Errorf("%d records after the day, %v", len(rs), err)
		}
	})
}

// wantQuota holds what is told of an account's quota of getblacklist against used and left.
func (r *rig) wantQuota(used, left int) {
	r.t.Helper()
	a, err := r.Account(r.t.Context(), r.account.AppID)
	if err != nil {
		r.t.Fatal(err)
	}
	q, err := r.Quota(r.t.Context(), a, mpblock.CallList)
	if err != nil || q.Used != used || q.Left() != left {
		r.t.Errorf("%+v with %d left, %v; want %d and %d", q, q.Left(), err, used, left)
	}
}

func (r *rig) clear() error {
	return r.ClearQuota(r.t.Context(), &mpblock.Account{AppID: r.account.AppID, Daily: only(3)}, string(r.account.AppID))
}

func TestClearQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.limit(only(3), nil)
		tok := r.stable(false).Value
		for range MaxClears {
			for range 3 {
				r.want(tok, wire.CodeOK)
			}
			r.want(tok, wire.CodeDailyQuota)
			r.wantQuota(3, 0)
			if err := r.clear(); err != nil {
				t.Fatal(err)
			}
			r.wantQuota(0, 3)
		}
		r.want(tok, wire.CodeOK)
		wantCode(t, r.clear(), wire.CodeQuotaClears)
		r.wantQuota(1, 2) // what is refused clears nothing
		time.Sleep(31*24*time.Hour - 8*time.Hour - time.Second)
		wantCode(t, r.clear(), wire.CodeQuotaClears)
		time.Sleep(time.Second) // February in UTC+8
		if err := r.clear(); err != nil {
			t.Error(err)
		}
	})
}

// Calls without a limit are counted too, and are as if not made once the quotas are cleared.
func TestQuotaWithoutLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		count := func(n int) {
			for range n {
				r.CountCall(r.account.AppID, mpblock.CallList, 0)
			}
		}
		count(2)
		r.CountCall(r.account.AppID, mpblock.CallBlock, 0)
		r.wantQuota(2, Unlimited-2)
		if err := r.clear(); err != nil {
			t.Fatal(err)
		}
		r.wantQuota(0, Unlimited)
		count(1)
		r.wantQuota(1, Unlimited-1)
		time.Sleep(24 * time.Hour)
		r.wantQuota(0, Unlimited)
	})
}

func TestClearQuotaOfAnother(t *testing.T) {
	r := newRig(t)
	for appID, want := range map[string]wire.Code{"": wire.CodeAppIDMissing, "wx0123456789abcdef": wire.CodeBadAppID} {
		wantCode(t, r.ClearQuota(t.Context(), &mpblock.Account{AppID: r.account.AppID}, appID), want)
	}
}
