package upstream_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/memstore"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

// wound is a clock that a test moves on.
type wound struct {
	mu  sync.Mutex
	now time.Time
}

func (w *wound) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *wound) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Followers are read once a day, within what the platform lets be read, and who has joined
// and left is counted. Too few are not believed.
func TestFollowers(t *testing.T) {
	t.Parallel()
	s := open(t, mpblocktest.WithPageSize(7))
	clock := &wound{now: time.Now()}
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, Clock: clock})
	fans := s.platform.Followers(200)
	app := s.account.AppID
	reads := func() (n int) {
		for _, c := range s.platform.Journal() {
			if strings.HasSuffix(c.Path, "/user/get") {
				n++
			}
		}
		return n
	}
	due := func() upstream.Followers {
		t.Helper()
		if err := s.gateway.SyncFollowersDue(t.Context(), app); err != nil {
			t.Fatal(err)
		}
		u, err := s.gateway.Of(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		return u.Followers
	}
	here := func() (all []string) {
		page, err := s.store.Followers(t.Context(), app, mpblock.OpenID{}, mpblock.MaxWrite)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range page.OpenIDs {
			all = append(all, id.String())
		}
		return all
	}
	if due(); reads() != 0 {
		t.Error("they are read though nobody asked for it")
	}
	mirrored := true
	if err := s.gateway.Set(t.Context(), app, upstream.Settings{MirrorFollowers: &mirrored}); err != nil {
		t.Fatal(err)
	}
	if f := due(); f.Total != 200 || f.Joined != 200 || f.Left != 0 || !slices.Equal(here(), fans) {
		t.Errorf("%+v, %d here", f, len(here()))
	}
	first := reads()
	if clock.forward(23 * time.Hour); due().Joined != 200 || reads() != first {
		t.Errorf("read %d times within a day", reads())
	}
	gone, err := mpblock.ParseOpenID(fans[3])
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.store.AddFollowers(t.Context(), app, []mpblock.OpenID{mpblock.Mint(gone.Prefix(), mpblock.Key{}, "nobody there")})
	_, _ = s.store.RemoveFollowers(t.Context(), app, []mpblock.OpenID{gone})
	if clock.forward(2 * time.Hour); due().Joined != 1 || due().Left != 1 || !slices.Equal(here(), fans) {
		t.Errorf("%+v, %d here", due(), len(here()))
	}
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/user/get"}, Effect: mpblocktest.Effect{HTTP: 200, Body: `{"total":0,"count":0,"next_openid":""}`}})
	clock.forward(25 * time.Hour)
	if f := due(); f.Held == nil || f.Held.Removed != 200 || len(here()) != 200 {
		t.Errorf("%+v, %d here", f, len(here()))
	}
	if f, err := s.gateway.SyncFollowers(t.Context(), app, true); err != nil || f.Left != 200 || len(here()) != 0 {
		t.Errorf("somebody is sure: %v, %+v, %d here", err, f, len(here()))
	}
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/user/get"}, Effect: mpblocktest.Errcode(48001)})
	clock.forward(25 * time.Hour)
	if err := s.gateway.SyncFollowersDue(t.Context(), app); err == nil {
		t.Error("48001, and all is well")
	}
	before := reads()
	if f := due(); f.Problem == "" || reads() != before {
		t.Errorf("it is asked again at once: %+v", f)
	}
}

// So many that the platform would not let them be read on a day are not begun with.
func TestTooManyFollowers(t *testing.T) {
	t.Parallel()
	s := &scene{T: t, platform: mpblocktest.New(t, mpblocktest.WithPageSize(1)), store: &dying{Store: memstore.New()}, seal: t.TempDir() + "/k"}
	s.restart()
	app := mpblock.AppID(s.platform.AppID)
	if err := s.gateway.Add(t.Context(), app, s.platform.URL, source.Spec{Secret: s.platform.Secret}); err != nil {
		t.Fatal(err)
	}
	s.platform.Followers(450)
	if f, err := s.gateway.SyncFollowers(t.Context(), app, false); err == nil || !strings.Contains(f.Problem, "are not mirrored") || f.Total != 0 {
		t.Errorf("%v: %+v", err, f)
	}
}

// counted is a Meter.
type counted struct {
	calls              map[string]int
	blocked, unblocked int
}

func (c *counted) Called(_ mpblock.AppID, m client.Made) { c.calls[m.Call]++ }

func (c *counted) Drifted(_ mpblock.AppID, blocked, unblocked int) {
	c.blocked, c.unblocked = c.blocked+blocked, c.unblocked+unblocked
}

// Calls are counted, and what others have done since the first reading.
func TestMeter(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := &counted{calls: map[string]int{}}
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, Meter: c})
	fans := s.platform.Followers(10)
	s.platform.Drift(fans[:5], nil)
	s.sync()
	if c.blocked != 0 || c.calls["getblacklist"] == 0 || c.calls["stable_token"] != 1 {
		t.Errorf("the first reading: %+v", c)
	}
	s.platform.Drift(fans[5:8], fans[:1])
	if s.sync(); c.blocked != 3 || c.unblocked != 1 {
		t.Errorf("%+v", c)
	}
	a, err := s.gateway.Pass(t.Context(), s.account.AppID, httptest.NewRequestWithContext(t.Context(), "GET", "/cgi-bin/user/info?openid="+fans[0], http.NoBody))
	if err != nil || c.calls["user/info"] != 1 {
		t.Fatalf("%v: %+v", err, c)
	}
	_ = a.Body.Close()
}

// together is a store whose first reads of upstreams wait for one another.
type together struct {
	mpblock.Store
	left atomic.Int32
	all  chan struct{}
}

func (s *together) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	r, err := s.Store.Get(ctx, kind, key)
	if kind == "upstream" {
		if s.left.Add(-1) == 0 {
			close(s.all)
		}
		<-s.all
	}
	return r, err
}

// Of nodes that share a store one reads the followers: they may be read 500 times a day.
func TestOneNodeReadsFollowers(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.platform.Followers(10)
	mirrored := true
	if err := s.gateway.Set(t.Context(), s.account.AppID, upstream.Settings{MirrorFollowers: &mirrored}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	store := &together{Store: s.store, all: make(chan struct{})}
	store.left.Store(5)
	for range 5 {
		node := upstream.New(store, upstream.Options{SealFile: s.seal})
		wg.Go(func() {
			if err := node.SyncFollowersDue(t.Context(), s.account.AppID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, c := range s.platform.Journal() {
		if strings.HasSuffix(c.Path, "/user/get") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("read %d times", n)
	}
}
