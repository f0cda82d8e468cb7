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
	"mpblock/internal/memstore"
	"mpblock/internal/record"
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

func (r *rig) want(token string, code mpblock.Code) {
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
		r.want(first, mpblock.CodeOK)
		time.Sleep(3 * time.Minute)
		third := r.plain()
		time.Sleep(2*time.Minute - time.Millisecond - time.Microsecond)
		r.want(first, mpblock.CodeOK)
		time.Sleep(time.Millisecond)
		r.want(first, mpblock.CodeBadToken) // 5 minutes after the second
		r.want(second, mpblock.CodeOK)      // superseded 2 minutes ago
		time.Sleep(3 * time.Minute)
		r.want(second, mpblock.CodeBadToken)
		r.want(third, mpblock.CodeOK)
		time.Sleep(2*time.Hour - 5*time.Minute - time.Millisecond)
		r.want(third, mpblock.CodeOK)
		time.Sleep(time.Millisecond)
		r.want(third, mpblock.CodeTokenExpired)
		r.want(first, mpblock.CodeTokenExpired)
	})
}

func TestManyPlainTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var all []string
		for range maxSuperseded + 2 {
			all = append(all, r.plain())
		}
		r.want(all[0], mpblock.CodeBadToken)
		for _, tok := range all[1:] {
			r.want(tok, mpblock.CodeOK)
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
		r.want(first.Value, mpblock.CodeOK)
		time.Sleep(5 * time.Minute)
		r.want(first.Value, mpblock.CodeTokenExpired)
		r.want(second.Value, mpblock.CodeOK)
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
		r.want(first, mpblock.CodeBadToken)
		r.want(plain, mpblock.CodeOK)
		time.Sleep(forcedApart - time.Millisecond)
		if r.stable(true).Value != second {
			t.Error("a second refresh within 30 s was granted")
		}
		time.Sleep(time.Millisecond)
		last := r.stable(true).Value
		if last == second {
			t.Error("a refresh after 30 s was not granted")
		}
		time.Sleep(time.Second)
		other.want(second, mpblock.CodeBadToken)
		for range forcedPerDay - 2 {
			time.Sleep(forcedApart)
			last = r.stable(true).Value
		}
		time.Sleep(forcedApart)
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
		r.want(s, mpblock.CodeOK)
		p := r.plain()
		time.Sleep(forcedApart)
		r.stable(true)
		r.want(p, mpblock.CodeOK)
	})
}

func TestRotateSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other := r.node()
		plain, stable := r.plain(), r.stable(false).Value
		other.want(plain, mpblock.CodeOK)
		secret, err := r.RotateSecret(t.Context(), r.account.AppID)
		if err != nil || secret == r.secret {
			t.Fatal(err)
		}
		r.want(plain, mpblock.CodeBadToken)
		r.want(stable, mpblock.CodeBadToken)
		_, err = r.Token(t.Context(), r.credentials())
		wantCode(t, err, mpblock.CodeBadSecret)
		time.Sleep(time.Second)
		other.want(plain, mpblock.CodeBadToken)
		_, err = other.StableToken(t.Context(), r.credentials(), false)
		wantCode(t, err, mpblock.CodeBadSecret)
		r.secret = secret
		next := r.stable(false).Value
		if next == stable {
			t.Error("the stable token outlived its secret")
		}
		other.want(next, mpblock.CodeOK) // at once: it is newer than what the node remembers
	})
}

func TestNewTokenIsGoodOnEveryNodeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other := r.node()
		other.want(r.plain(), mpblock.CodeOK)
		other.want(r.plain(), mpblock.CodeOK)
		other.want(r.stable(false).Value, mpblock.CodeOK)
	})
}

func TestTokensSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		r.node().want(tok, mpblock.CodeOK)
	})
}

func TestBadTokens(t *testing.T) {
	r := newRig(t)
	good := r.plain()
	stranger := newRig(t) // signs with another key
	r.want("", mpblock.CodeTokenMissing)
	r.want(stranger.plain(), mpblock.CodeBadToken)
	for _, bad := range []string{"x", good + "A", good[:len(good)-1], strings.ToLower(good), good[:40] + "!" + good[41:], strings.Repeat("A", len(good)), strings.Repeat("A", 100_000)} {
		r.want(bad, mpblock.CodeBadToken)
	}
	for i := range good { // every character counts
		for _, c := range "Aa" {
			if forged := good[:i] + string(c) + good[i+1:]; forged != good {
				r.want(forged, mpblock.CodeBadToken)
			}
		}
	}
	r.want(good, mpblock.CodeOK)
}

func TestTokenOfADeletedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		r.want(tok, mpblock.CodeOK)
		rec, err := r.store.Get(t.Context(), KindAccount, string(r.account.AppID))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.store.Delete(t.Context(), rec.Kind, rec.Key, rec.Version); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r.want(tok, mpblock.CodeBadToken)
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
	next := func(want mpblock.Code, repair func()) {
		t.Helper()
		_, err := r.Token(t.Context(), c)
		wantCode(t, err, want)
		if want == mpblock.CodeIPNotAllowed && mpblock.Internal(err).Message != "invalid ip 198.51.100.7, not in whitelist" {
			t.Errorf("message %q", mpblock.Internal(err).Message)
		}
		repair()
	}
	next(mpblock.CodeAppIDMissing, func() { c.AppID = "wxffffffffffffffff" })
	next(mpblock.CodeBadAppID, func() { c.AppID = "nonsense" })
	next(mpblock.CodeBadAppID, func() { c.AppID = string(r.account.AppID) })
	next(mpblock.CodeBadGrantType, func() { c.GrantType = "client_credential" })
	next(mpblock.CodeSecretMissing, func() { c.Secret = "wrong" })
	next(mpblock.CodeBadSecret, func() { c.Secret = r.secret })
	next(mpblock.CodeIPNotAllowed, func() { c.IP = netip.MustParseAddr("::ffff:192.0.2.7") })
	next(mpblock.CodeUnauthorized, func() { limit(func(a *mpblock.Account) { a.Denied = nil }) })
	next(mpblock.CodeMinuteRate, func() { limit(func(a *mpblock.Account) { a.PerMinute = nil }) })
	next(mpblock.CodeDailyQuota, func() { limit(func(a *mpblock.Account) { a.Daily = nil }) })
	next(mpblock.CodeOK, func() {})
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
		r.want(p, mpblock.CodeOK)
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
	if kind == string(kindToken) && g.held.CompareAndSwap(false, true) {
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
		node.want(tok, mpblock.CodeBadToken)
		close(g.gate)
		<-done
		node.want(tok, mpblock.CodeBadToken)
	})
}

// A token of a clock that was ahead is not handed out for longer than tokens live,
// and can be forced anew.
func TestStableTokenOfAClockThatWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.stable(false)
		ahead := time.Now().Add(365 * 24 * time.Hour)
		_, err := kindToken.Edit(t.Context(), r.store, string(r.account.AppID), func(e *record.Entry[tokenState]) error {
			e.Value.Stable.Expires = ahead.Add(TokenLife).UnixMilli()
			e.Value.LastForced = ahead.UnixMilli()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // what is in memory ends
		first := r.stable(false)
		if first.ExpiresIn != TokenLife {
			t.Errorf("a token for %v", first.ExpiresIn)
		}
		if second := r.stable(true); second.Value == first.Value {
			t.Error("it cannot be forced anew")
		}
	})
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
		r.want(plain, mpblock.CodeTokenExpired)
		r.want(stable.Value, mpblock.CodeTokenExpired)
	})
}
