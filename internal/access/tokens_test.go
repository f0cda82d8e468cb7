package access

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/access/tokens"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

// rig is the accounts of a store with one, under a clock of its own.
type rig struct {
	*Service
	t       *testing.T
	account *mpblock.Account
	secret  string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	p := open(t, memstore.New())
	a, secret := addAccount(t, p, NewAccount{})
	return &rig{Service: p, t: t, account: a, secret: secret}
}

// node returns the same account seen from another node.
func (r *rig) node() *rig {
	other := *r
	other.Service = open(r.t, r.store)
	return &other
}

func (r *rig) credentials() Credentials {
	return Credentials{GrantType: "client_credential", AppID: string(r.account.AppID), Secret: r.secret, IP: loopback}
}

func (r *rig) plain() string {
	r.t.Helper()
	tok, err := r.Token(r.t.Context(), r.credentials())
	if err != nil {
		r.t.Fatal(err)
	}
	return tok.Value
}

func (r *rig) stable(force bool) Token {
	r.t.Helper()
	tok, err := r.StableToken(r.t.Context(), r.credentials(), force)
	if err != nil {
		r.t.Fatal(err)
	}
	return tok
}

func (r *rig) want(token string, code wire.Code) {
	r.t.Helper()
	_, err := r.Authorize(r.t.Context(), token, mpblock.CallList, loopback)
	wantCode(r.t, err, code)
}

func TestPlainTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		time.Sleep(time.Microsecond) // a clock in whole milliseconds hides what is rounded
		tok, err := r.Token(t.Context(), r.credentials())
		if err != nil || tok.ExpiresIn != 2*time.Hour || len(tok.Value) > 512 || tok.AppID != r.account.AppID {
			t.Fatalf("got %+v, %v", tok.ExpiresIn, err)
		}
		first, second := tok.Value, r.plain()
		if first == second {
			t.Error("the second call returned the first token")
		}
		r.want(first, wire.CodeOK)
		time.Sleep(3 * time.Minute)
		third := r.plain()
		time.Sleep(2*time.Minute - time.Millisecond - time.Microsecond)
		r.want(first, wire.CodeOK)
		time.Sleep(time.Millisecond)
		r.want(first, wire.CodeBadToken) // 5 minutes after the second
		r.want(second, wire.CodeOK)      // superseded 2 minutes ago
		time.Sleep(3 * time.Minute)
		r.want(second, wire.CodeBadToken)
		r.want(third, wire.CodeOK)
		time.Sleep(2*time.Hour - 5*time.Minute - time.Millisecond)
		r.want(third, wire.CodeOK)
		time.Sleep(time.Millisecond)
		r.want(third, wire.CodeTokenExpired)
		r.want(first, wire.CodeTokenExpired)
	})
}

func TestManyPlainTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var all []string
		for range tokens.MaxSuperseded + 2 {
			all = append(all, r.plain())
		}
		r.want(all[0], wire.CodeBadToken)
		for _, tok := range all[1:] {
			r.want(tok, wire.CodeOK)
		}
	})
}

func TestStableTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first := r.stable(false)
		time.Sleep(time.Hour)
		again := r.stable(false)
		if again.Value != first.Value || again.ExpiresIn != time.Hour {
			t.Errorf("after an hour another token, or %v left", again.ExpiresIn)
		}
		if r.node().stable(false).Value != first.Value {
			t.Error("another node returns another token")
		}
		time.Sleep(55*time.Minute - time.Millisecond)
		if got := r.stable(false); got.Value != first.Value || got.ExpiresIn < 300*time.Second {
			t.Errorf("just before its last 5 minutes: another token, or %v left", got.ExpiresIn)
		}
		time.Sleep(time.Millisecond)
		second := r.stable(false)
		if second.Value == first.Value || second.ExpiresIn != 2*time.Hour {
			t.Errorf("in its last 5 minutes: the same token, or %v left", second.ExpiresIn)
		}
		r.want(first.Value, wire.CodeOK)
		time.Sleep(5 * time.Minute)
		r.want(first.Value, wire.CodeTokenExpired)
		r.want(second.Value, wire.CodeOK)
	})
}

func TestForcedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		time.Sleep(time.Hour) // off midnight, whatever the zone
		other, plain := r.node(), r.plain()
		first := r.stable(true).Value // there is none yet: not a refresh
		second := r.stable(true).Value
		if first == second {
			t.Error("force returned the old token")
		}
		r.want(first, wire.CodeBadToken)
		r.want(plain, wire.CodeOK)
		time.Sleep(tokens.ForcedApart - time.Millisecond)
		if r.stable(true).Value != second {
			t.Error("a second refresh within 30 s was granted")
		}
		time.Sleep(time.Millisecond)
		last := r.stable(true).Value
		if last == second {
			t.Error("a refresh after 30 s was not granted")
		}
		time.Sleep(time.Second)
		other.want(second, wire.CodeBadToken)
		for range tokens.ForcedPerDay - 2 {
			time.Sleep(tokens.ForcedApart)
			last = r.stable(true).Value
		}
		time.Sleep(tokens.ForcedApart)
		if r.stable(true).Value != last {
			t.Error("the 21st refresh of a day was granted")
		}
		day := mpblock.Day(time.Now())
		for mpblock.Day(time.Now()) == day {
			time.Sleep(time.Minute)
		}
		r.stable(false)
		if present := r.stable(false).Value; r.stable(true).Value == present {
			t.Error("no refresh was granted on the next day")
		}
	})
}

func TestKindsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := r.stable(false).Value
		for range 100 {
			r.plain()
		}
		r.want(s, wire.CodeOK)
		p := r.plain()
		time.Sleep(tokens.ForcedApart)
		r.stable(true)
		r.want(p, wire.CodeOK)
	})
}

func TestRotateSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other := r.node()
		plain, stable := r.plain(), r.stable(false).Value
		other.want(plain, wire.CodeOK)
		secret, err := r.RotateSecret(t.Context(), r.account.AppID)
		if err != nil || secret == r.secret {
			t.Fatal(err)
		}
		r.want(plain, wire.CodeBadToken)
		r.want(stable, wire.CodeBadToken)
		_, err = r.Token(t.Context(), r.credentials())
		wantCode(t, err, wire.CodeBadSecret)
		// The other node remembers the old secret still: a token for it is not of the new one.
		_, err = other.Token(t.Context(), r.credentials())
		wantCode(t, err, wire.CodeBadSecret)
		time.Sleep(time.Second)
		other.want(plain, wire.CodeBadToken)
		_, err = other.StableToken(t.Context(), r.credentials(), false)
		wantCode(t, err, wire.CodeBadSecret)
		r.secret = secret
		next := r.stable(false).Value
		if next == stable {
			t.Error("the stable token outlived its secret")
		}
		other.want(next, wire.CodeOK) // at once: it is newer than what the node remembers
	})
}

func TestNewTokenIsGoodOnEveryNodeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other := r.node()
		other.want(r.plain(), wire.CodeOK)
		other.want(r.plain(), wire.CodeOK)
		other.want(r.stable(false).Value, wire.CodeOK)
	})
}

func TestTokensSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		r.node().want(tok, wire.CodeOK)
	})
}

func TestBadTokens(t *testing.T) {
	r := newRig(t)
	good := r.plain()
	stranger := newRig(t) // signs with another key
	r.want("", wire.CodeTokenMissing)
	r.want(stranger.plain(), wire.CodeBadToken)
	for _, bad := range []string{"x", good + "A", good[:len(good)-1], strings.ToLower(good), good[:40] + "!" + good[41:], strings.Repeat("A", len(good)), strings.Repeat("A", 100_000)} {
		r.want(bad, wire.CodeBadToken)
	}
	for i := range good { // every character counts
		for _, c := range "Aa" {
			if forged := good[:i] + string(c) + good[i+1:]; forged != good {
				r.want(forged, wire.CodeBadToken)
			}
		}
	}
	r.want(good, wire.CodeOK)
}

func TestTokenOfADeletedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		r.want(tok, wire.CodeOK)
		rec, err := r.store.Get(t.Context(), KindAccount, string(r.account.AppID))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.store.Delete(t.Context(), rec.Kind, rec.Key, rec.Version); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r.want(tok, wire.CodeBadToken)
	})
}

func TestOrderOfTokenChecks(t *testing.T) {
	r := newRig(t)
	limit := func(edit func(*mpblock.Account)) {
		t.Helper()
		if _, err := r.UpdateAccount(t.Context(), r.account.AppID, func(a *mpblock.Account) error { edit(a); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	limit(func(a *mpblock.Account) {
		a.AllowIPs = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		a.Denied = []mpblock.Call{mpblock.CallToken}
		a.PerMinute = map[mpblock.Call]int{mpblock.CallToken: 0}
		a.Daily = map[mpblock.Call]int{mpblock.CallToken: 0}
	})
	c := Credentials{IP: netip.MustParseAddr("::ffff:198.51.100.7")}
	next := func(want wire.Code, repair func()) {
		t.Helper()
		_, err := r.Token(t.Context(), c)
		wantCode(t, err, want)
		if want == wire.CodeIPNotAllowed && wire.ErrorOf(err).Message != "invalid ip 198.51.100.7, not in whitelist" {
			t.Errorf("message %q", wire.ErrorOf(err).Message)
		}
		repair()
	}
	next(wire.CodeAppIDMissing, func() { c.AppID = "wxffffffffffffffff" })
	next(wire.CodeBadAppID, func() { c.AppID = "nonsense" })
	next(wire.CodeBadAppID, func() { c.AppID = string(r.account.AppID) })
	next(wire.CodeBadGrantType, func() { c.GrantType = "client_credential" })
	next(wire.CodeSecretMissing, func() { c.Secret = "wrong" })
	next(wire.CodeBadSecret, func() { c.Secret = r.secret })
	next(wire.CodeIPNotAllowed, func() { c.IP = netip.MustParseAddr("::ffff:192.0.2.7") })
	next(wire.CodeUnauthorized, func() { limit(func(a *mpblock.Account) { a.Denied = nil }) })
	next(wire.CodeMinuteRate, func() { limit(func(a *mpblock.Account) { a.PerMinute = nil }) })
	next(wire.CodeDailyQuota, func() { limit(func(a *mpblock.Account) { a.Daily = nil }) })
	next(wire.CodeOK, func() {})
}

func TestConcurrentTokens(t *testing.T) {
	r := newRig(t)
	nodes := []*rig{r, r.node()}
	var mu sync.Mutex
	seen := map[string]bool{}
	stable := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				p, s := nodes[i%2].plain(), nodes[i%2].stable(false).Value
				mu.Lock()
				if seen[p] {
					t.Error("a token was given out twice")
				}
				seen[p], stable[s] = true, true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(stable) != 1 {
		t.Errorf("%d stable tokens at once", len(stable))
	}
	for p := range seen {
		r.want(p, wire.CodeOK)
	}
}

// gatedStore holds up a read of tokens, once.
type gatedStore struct {
	mpblock.Records
	entered, gate chan struct{}
	held          atomic.Bool
}

func (g *gatedStore) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	r, err := g.Records.Get(ctx, kind, key)
	if kind == string(programs.Kind) && g.held.CompareAndSwap(false, true) {
		close(g.entered)
		<-g.gate
	}
	return r, err
}

// A read that began before a secret was rotated, and ends after it, must not be
// remembered, and no call from after the rotation waits for it.
func TestSlowReadDoesNotUndoARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		g := &gatedStore{Records: r.store, entered: make(chan struct{}), gate: make(chan struct{})}
		node := &rig{Service: open(t, g), t: t, account: r.account}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = node.Authorize(t.Context(), tok, mpblock.CallList, loopback) // either answer is right
		}()
		<-g.entered
		if _, err := node.RotateSecret(t.Context(), r.account.AppID); err != nil {
			t.Fatal(err)
		}
		node.want(tok, wire.CodeBadToken)
		close(g.gate)
		<-done
		node.want(tok, wire.CodeBadToken)
	})
}

// stepClock is ahead of the bubble's.
type stepClock struct{ ahead time.Duration }

func (c *stepClock) Now() time.Time { return time.Now().Add(c.ahead) }

// After a clock that was ahead, a stable token is not handed out for longer than tokens
// live, it can be forced anew, forced refreshes are counted anew at most, and no limit
// of calls is used up that was used up only then.
func TestClockStepsBack(t *testing.T) {
	for _, step := range []time.Duration{90 * time.Second, 10 * time.Minute, 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			clock := &stepClock{step}
			svc, err := Open(t.Context(), memstore.New(), WithClock(clock))
			if err != nil {
				t.Fatal(err)
			}
			a, secret := addAccount(t, svc, NewAccount{})
			r := &rig{Service: svc, t: t, account: a, secret: secret}
			r.limit(nil, map[mpblock.Call]int{mpblock.CallList: 1})
			r.stable(false)
			r.stable(true)
			tok := r.plain()
			r.want(tok, wire.CodeOK)
			r.want(tok, wire.CodeMinuteRate)
			clock.ahead = 0
			time.Sleep(time.Second) // what is in memory ends
			first := r.stable(false)
			if first.ExpiresIn != TokenLife {
				t.Errorf("%v back: a token for %v", step, first.ExpiresIn)
			}
			second := r.stable(true)
			if second.Value == first.Value || second.ExpiresIn != TokenLife {
				t.Errorf("%v back: it cannot be forced anew", step)
			}
			r.want(second.Value, wire.CodeOK)
			svc.CountCall(a.AppID, mpblock.CallList, 0)
			if calls, err := svc.CallsOf(t.Context(), a.AppID, mpblock.Day(time.Now())); err != nil || len(calls) != 1 {
				t.Errorf("%v back: calls of today %v, %v", step, calls, err)
			}
		})
	}
}

// With a short life a client meets the end of its token, and stable_token still hands
// out the same one for a while.
func TestTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		svc, err := Open(t.Context(), store, WithTokenLife(30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		a, secret := addAccount(t, svc, NewAccount{})
		r := &rig{Service: svc, t: t, account: a, secret: secret}
		plain, stable := r.plain(), r.stable(false)
		if stable.ExpiresIn != 30*time.Second || r.stable(false).Value != stable.Value {
			t.Errorf("%+v", stable)
		}
		time.Sleep(14 * time.Second)
		if r.stable(false).Value != stable.Value {
			t.Error("another token before half of its life")
		}
		time.Sleep(16 * time.Second)
		r.want(plain, wire.CodeTokenExpired)
		r.want(stable.Value, wire.CodeTokenExpired)
	})
}
