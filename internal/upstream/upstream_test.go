package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// scene is a platform, which is an emulator, and a gateway to it.
type scene struct {
	*testing.T
	platform *mpblocktest.Server
	store    *dying
	gateway  *upstream.Service
	account  *mpblock.Account
	seal     string
}

func open(t *testing.T, options ...mpblocktest.Option) *scene {
	t.Helper()
	s := &scene{T: t, platform: mpblocktest.New(t, options...), store: &dying{Store: memstore.New()}, seal: filepath.Join(t.TempDir(), "seal.key")}
	s.restart()
	app := mpblock.AppID(s.platform.AppID)
	if err := s.gateway.Add(t.Context(), app, s.platform.URL, source.Spec{Secret: s.platform.Secret}); err != nil {
		t.Fatal(err)
	}
	s.account = &mpblock.Account{AppID: app, AnyFollower: true, Upstream: s.platform.URL}
	return s
}

// restart is another process on the same store.
func (s *scene) restart() {
	s.store.left.Store(1 << 40)
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, MakeSeal: true, Alone: true, Pause: time.Millisecond, HTTP: &http.Client{Timeout: 10 * time.Second}})
}

func (s *scene) batch(action mpblock.Action, actor string, ids ...string) mpblock.Batch {
	s.Helper()
	b := mpblock.Batch{Action: action, Actor: actor, Reason: "because of " + actor}
	for _, text := range ids {
		id, err := mpblock.ParseOpenID(text)
		if err != nil {
			s.Fatal(err)
		}
		b.OpenIDs = append(b.OpenIDs, id)
	}
	return b
}

// here returns the local list, in byte order.
func (s *scene) here() []string {
	s.Helper()
	page, err := s.store.Blacklist(s.Context(), s.account.AppID, mpblock.OpenID{}, mpblock.MaxWrite)
	if err != nil {
		s.Fatal(err)
	}
	var all []string
	for _, id := range page.OpenIDs {
		all = append(all, id.String())
	}
	return all
}

func (s *scene) sync() upstream.Upstream {
	s.Helper()
	u, err := s.gateway.Sync(s.Context(), s.account.AppID, false)
	if err != nil {
		s.Fatal(err)
	}
	return u
}

func (s *scene) same() {
	s.Helper()
	if here, there := s.here(), s.platform.Blocked(); !slices.Equal(here, there) {
		s.Errorf("%d are blocked here, %d there", len(here), len(there))
	}
}

// dying is a store whose process is killed at some write: from then on nothing is written.
type dying struct {
	mpblock.Store
	left atomic.Int64 // writes
}

var errKilled = errors.New("killed")

func (d *dying) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if d.left.Add(-1) < 0 {
		return r, errKilled
	}
	return d.Store.Put(ctx, r)
}

func (d *dying) Delete(ctx context.Context, kind, key string, version uint64) error {
	if d.left.Add(-1) < 0 {
		return errKilled
	}
	return d.Store.Delete(ctx, kind, key, version)
}

func (d *dying) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if d.left.Add(-1) < 0 {
		return mpblock.Change{}, errKilled
	}
	return d.Store.Apply(ctx, app, b)
}

func TestChangesGoThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(100)
	c, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "console:li.si", fans[:70]...), false)
	if err != nil || len(c.OpenIDs) != 70 || c.Actor != "console:li.si" || c.Reason == "" {
		t.Fatalf("%v: %+v", err, c)
	}
	s.same()
	if c, err = s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Unblock, "api", fans[:5]...), true); err != nil || len(c.OpenIDs) != 5 {
		t.Fatalf("%v: %+v", err, c)
	}
	s.same()
	if len(s.here()) != 65 {
		t.Errorf("%d are blocked", len(s.here()))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans, stranger := s.platform.Followers(60), s.platform.Stranger()
	_, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "api", fans[0], stranger), true)
	if err == nil || !strings.Contains(err.Error(), "40003") || len(s.here()) != 0 {
		t.Errorf("whole: %v, %d blocked", err, len(s.here()))
	}
	asked := append(slices.Clone(fans), stranger)
	_, err = s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "job:1", asked...), false)
	var refused *mpblock.RefusedError
	if !errors.As(err, &refused) || len(refused.Refused) != 1 || refused.Refused[0].OpenID.String() != stranger || refused.Refused[0].Code != 40003 {
		t.Errorf("in part: %v", err)
	}
	if len(s.here()) != len(fans) {
		t.Errorf("%d are blocked", len(s.here()))
	}
	s.same()
	if _, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "api", fans...), true); err == nil {
		t.Error("60 in one call")
	}
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Errcode(45009)})
	if _, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "api", fans[59]), true); err == nil || !strings.Contains(err.Error(), "45009") {
		t.Errorf("%v", err)
	}
}

// What others do there is known here after a sync, under a name of its own.
func TestDrift(t *testing.T) {
	t.Parallel()
	s := open(t, mpblocktest.WithPageSize(7))
	fans := s.platform.Followers(100)
	s.platform.Drift(fans[:50], nil)
	if u := s.sync(); u.Added != 50 || u.Total != 50 || u.Problem != "" || u.Synced.IsZero() {
		t.Errorf("%+v", u)
	}
	s.same()
	s.platform.Drift(fans[60:62], fans[:3])
	if u := s.sync(); u.Added != 2 || u.Removed != 3 {
		t.Errorf("%+v", u)
	}
	s.same()
	changes, err := s.store.Changes(t.Context(), s.account.AppID, 0, 10)
	if err != nil || len(changes) != 3 || changes[2].Actor != upstream.Platform || changes[2].Action != mpblock.Unblock {
		t.Errorf("%v: %+v", err, changes)
	}
}

// A platform that answers as if nobody was blocked unblocks nobody here.
func TestAListThatShrankIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(200)
	s.platform.Drift(fans, nil)
	s.sync()
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: `{"total":0,"count":0,"next_openid":""}`}})
	for range 3 {
		if u := s.sync(); u.Held == nil || u.Held.Removed != 200 || len(s.here()) != 200 {
			t.Fatalf("%+v, %d blocked here", u, len(s.here()))
		}
	}
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Errcode(-1)})
	if u, err := s.gateway.Sync(t.Context(), s.account.AppID, false); err == nil || u.Problem == "" || len(s.here()) != 200 {
		t.Errorf("-1: %v, %+v", err, u)
	}
	s.platform.Fail()
	s.platform.Drift(nil, fans[:150])
	if u := s.sync(); u.Held == nil {
		t.Errorf("%+v", u)
	}
	if u, err := s.gateway.Sync(t.Context(), s.account.AppID, true); err != nil || u.Held != nil || u.Removed != 150 {
		t.Errorf("somebody is sure: %v, %+v", err, u)
	}
	s.same()
}

// The secret is of no use to whoever has the store alone.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	s := open(t)
	kinds, err := s.store.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		all, err := s.store.List(t.Context(), kind, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if strings.Contains(string(r.Value), s.platform.Secret) {
				t.Errorf("the secret stands in a record of %s", kind)
			}
		}
	}
	other := upstream.New(s.store, upstream.Options{SealFile: filepath.Join(t.TempDir(), "other.key"), MakeSeal: true})
	if err := other.Add(t.Context(), "wx0000000000000001", s.platform.URL, source.Spec{Secret: s.platform.Secret}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Sync(t.Context(), s.account.AppID, false); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("with another key: %v", err)
	}
	if u, err := s.gateway.Of(t.Context(), s.account.AppID); err != nil || u.Secret != nil {
		t.Errorf("%v: %+v", err, u)
	}
}

// TestKilledUnderLostAnswers is the promise: whatever moment the gateway is killed at, with
// answers lost and others at work on the platform, nothing acknowledged is lost or comes
// twice, and each change keeps whose it was and why.
func TestKilledUnderLostAnswers(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	deaths := 0
	for round := range 40 {
		deaths += killed(t, seed+uint64(round))
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	t.Logf("killed in the middle of %d of 800 changes", deaths)
	if deaths < 100 {
		t.Errorf("killed %d times: too few to tell", deaths)
	}
}

// killed makes 20 changes, and returns in how many of them the gateway was killed.
func killed(t *testing.T, seed uint64) (deaths int) {
	t.Helper()
	dice := rand.New(rand.NewPCG(seed, 1))
	s := open(t, mpblocktest.WithPageSize(50))
	fans := s.platform.Followers(300)
	mine, others := fans[:200], fans[200:]
	s.platform.Plan(fmt.Sprintf("seed: %d\nrules: [{name: lost, match: {path: '*/batch*'}, probability: 0.2, effect: {lost_answer: cut}}, {name: never, match: {path: '*/batch*'}, probability: 0.1, effect: {reset: before}}]", seed%1000))
	type wish struct {
		action mpblock.Action
		sure   bool // it was acknowledged, and nothing was asked for since that was not
	}
	last := map[string]wish{}
	asked := map[string]bool{} // OpenID, action and actor
	for step := range 20 {
		s.store.left.Store(dice.Int64N(12))
		actor := fmt.Sprintf("console:%d", step)
		n := 1 + dice.IntN(50)
		from := dice.IntN(len(mine) - n)
		action := mpblock.Block
		if dice.IntN(3) == 0 {
			action = mpblock.Unblock
		}
		ids := mine[from : from+n]
		_, err := s.gateway.Apply(t.Context(), s.account, s.batch(action, actor, ids...), false)
		if errors.Is(err, errKilled) {
			deaths++
		}
		for _, id := range ids {
			asked[fmt.Sprint(id, action, actor)] = true
			last[id] = wish{action, err == nil}
		}
		if dice.IntN(3) == 0 {
			one := others[dice.IntN(len(others))]
			s.platform.Drift([]string{one}, nil)
		}
		s.restart()
		if dice.IntN(4) == 0 {
			_, _ = s.gateway.Sync(t.Context(), s.account.AppID, false) // its reading may be lost too
		}
	}
	s.platform.Fail()
	s.sync()
	s.same()
	here := s.here()
	for _, id := range mine {
		parsed, err := mpblock.ParseOpenID(id)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := s.store.ChangesOf(t.Context(), s.account.AppID, parsed, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		before := mpblock.Unblock
		for _, c := range changes {
			if !asked[fmt.Sprint(id, c.Action, c.Actor)] || c.Reason != "because of "+c.Actor {
				t.Errorf("%s: %v by %s, because %q, is nothing that was asked for", id, c.Action, c.Actor, c.Reason)
			}
			if c.Action == before {
				t.Errorf("%s: %v twice", id, c.Action)
			}
			before = c.Action
		}
		if w := last[id]; w.sure && slices.Contains(here, id) != (w.action == mpblock.Block) {
			t.Errorf("%s: %v was acknowledged, and is not so", id, w.action)
		}
	}
	return deaths
}

// What a killed process has left open is settled when the next one begins.
func TestSettledAtStart(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(20)
	s.store.left.Store(1) // the intent is written, and nothing after it
	if _, err := s.gateway.Apply(t.Context(), s.account, s.batch(mpblock.Block, "console:li.si", fans...), true); err == nil {
		t.Fatal("it was not killed")
	}
	s.restart()
	if n, err := s.gateway.Unsettled(t.Context(), s.account.AppID); err != nil || n != 20 {
		t.Errorf("%v, %d are not settled", err, n)
	}
	if err := s.gateway.Settle(t.Context()); err != nil || len(s.here()) != 20 {
		t.Errorf("%v, %d are blocked here", err, len(s.here()))
	}
	s.same()
}

// meanwhile does something before the answer to a reading of the list is handed over.
type meanwhile func()

func (m meanwhile) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/getblacklist") {
		m()
	}
	return res, err
}

// An upstream that is erased while its list is read is not written of any more.
func TestErasedWhileItIsRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.platform.Drift(s.platform.Followers(5), nil)
	app := s.account.AppID
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, HTTP: &http.Client{Transport: meanwhile(func() {
		if err := s.gateway.Erase(t.Context(), app); err != nil {
			t.Error(err)
		}
	})}})
	if _, err := s.gateway.Sync(t.Context(), app, false); mpblock.KindOf(err) != mpblock.NotFound {
		t.Errorf("the reading: %v", err)
	}
	if here := s.here(); len(here) > 0 {
		t.Errorf("%d are blocked here", len(here))
	}
	for _, kind := range []string{"upstream", "intent", "upstreamline"} {
		if left, err := s.store.List(t.Context(), kind, "", 1); err != nil || len(left) > 0 {
			t.Errorf("left of %s: %v, %v", kind, left, err)
		}
	}
}
