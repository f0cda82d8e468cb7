package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/copystore"
	"mpblock/internal/memstore"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

func TestMain(m *testing.M) {
	if err := testserver.ShortTemp(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// answer is what the API says, of any call.
type answer struct {
	Errcode int
	Total   int
	Count   int
}

// world is a server with an account that takes any OpenID of its prefix.
type world struct {
	*Server
	account *mpblock.Account
	token   string
}

func openWorld(t *testing.T, c Config) *world {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a, secret, err := s.Access().AddAccount(t.Context(), access.NewAccount{AnyFollower: true, Prefix: &mpblock.Prefix{1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Access().Token(t.Context(), access.Credentials{
		GrantType: "client_credential", AppID: string(a.AppID), Secret: secret, IP: netip.IPv6Loopback(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{s, a, token.Value}
}

func (w *world) path(call string) string {
	return "/cgi-bin/tags/members/" + call + "?access_token=" + w.token
}

// post makes a call without a network.
func (w *world) post(t *testing.T, call, body string) (a answer) {
	t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, w.path(call), strings.NewReader(body)))
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return a
}

func (w *world) body(name string) string {
	return `{"openid_list":["` + mpblock.Mint(w.account.Prefix, w.account.Key, name).String() + `"]}`
}

// A server over a store in memory needs no directory, no socket and no listener, and
// many of them do not know of each other.
func TestInMemory(t *testing.T) {
	for name, open := range map[string]func(*testing.T) mpblock.Store{
		"memstore": func(*testing.T) mpblock.Store { return memstore.New() },
		"pebblestore": func(t *testing.T) mpblock.Store {
			s, err := pebblestore.Open("data", pebblestore.Options{FS: vfs.NewMem()})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		for range 4 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				store := open(t)
				w := openWorld(t, Config{Store: store})
				if err := w.Start(); err != nil {
					t.Fatal(err)
				}
				if w.Addr() != nil || w.URL() != "" {
					t.Errorf("it listens on %v", w.Addr())
				}
				if a := w.post(t, "batchblacklist", w.body("one")); a.Errcode != 0 {
					t.Errorf("block: %+v", a)
				}
				if a := w.post(t, "getblacklist", "{}"); a != (answer{Total: 1, Count: 1}) {
					t.Errorf("list: %+v", a)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				rec := httptest.NewRecorder()
				w.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/healthz", nil))
				if rec.Code != http.StatusServiceUnavailable {
					t.Errorf("a closed server answers %d %s", rec.Code, rec.Body)
				}
				if p, err := store.Blacklist(context.Background(), w.account.AppID, mpblock.OpenID{}, 0); err != nil || p.Total != 1 {
					t.Errorf("the store is the caller's and stays open: %+v, %v", p, err)
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// On a directory the server has all its doors, and gives everything back.
func TestOnADirectory(t *testing.T) {
	c := Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0"}
	for range 2 {
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{s.URL() + "/readyz", "http://" + s.ops.Addr().String() + "/metrics"} {
			res, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s: %d %s", url, res.StatusCode, body)
			}
		}
		socket := filepath.Join(c.Data, "mpblock.sock")
		if _, err := os.Stat(socket); err != nil {
			t.Error(err)
		}
		if _, err := Open(t.Context(), c); !errors.Is(err, ErrInUse) {
			t.Errorf("a second server on the directory: %v", err)
		}
		second := Config{Data: c.Data, Store: memstore.New()}
		if _, err := Open(t.Context(), second); !errors.Is(err, ErrInUse) {
			t.Errorf("a second server with its socket there: %v", err)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left: %v", err)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Open(t.Context(), Config{}); err == nil {
		t.Error("a server without a store opens")
	}
	if _, err := Open(t.Context(), Config{Store: memstore.New(), TLSSelfSigned: true, Listen: "127.0.0.1:0"}); err == nil {
		t.Error("a CA of its own without a directory opens")
	}
	for door, c := range map[Door]Config{
		DoorAPI: {Store: memstore.New(), Listen: "nonsense"},
		DoorOps: {Store: memstore.New(), OpsListen: "nonsense", Listen: "127.0.0.1:0"},
	} {
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		var listen *ListenError
		if err := s.Start(); !errors.As(err, &listen) || listen.Door != door || listen.Address != "nonsense" {
			t.Errorf("%s: %v", door, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", door, err)
		}
	}
	store := memstore.New()
	if _, err := store.Put(t.Context(), mpblock.Record{Kind: copystore.MarkKind, Key: copystore.MarkKey}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := Open(t.Context(), Config{Store: store, Data: dir}); !errors.Is(err, ErrUnfinishedCopy) {
		t.Errorf("an unfinished copy: %v", err)
	}
	s, err := Open(t.Context(), Config{Store: memstore.New(), Data: dir})
	if err != nil {
		t.Fatalf("a refused store holds the directory: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What is timed is the store, by all its methods, and not the cache before it.
func TestMetricsTimeTheStore(t *testing.T) {
	store := &counting{Store: memstore.New()}
	w := openWorld(t, Config{Store: store})
	w.post(t, "batchblacklist", w.body("one"))
	for range 3 { // the first reads the list, the others find it in memory
		w.post(t, "getblacklist", "{}")
	}
	w.post(t, "batchblacklist", w.body("two"))
	w.post(t, "getblacklist", "{}") // reads the change
	pages, changes := store.pages.Load(), store.changes.Load()
	rec := httptest.NewRecorder()
	w.metrics.Handler(w.now().rules.sizes, w.now().rules.mirrors).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, tt := range []struct {
		op          string
		least, most int64 // the scrape itself asks for totals
	}{{"blacklist", pages, store.pages.Load()}, {"changes", changes, store.changes.Load()}} {
		_, rest, _ := strings.Cut(rec.Body.String(), `mpblock_store_duration_seconds_count{op="`+tt.op+`"} `)
		line, _, _ := strings.Cut(rest, "\n")
		if n, err := strconv.ParseInt(line, 10, 64); err != nil || n == 0 || n < tt.least || n > tt.most {
			t.Errorf("%s is timed %q times, and the store was asked %d to %d times", tt.op, line, tt.least, tt.most)
		}
	}
}

// counting counts what a store is asked for.
type counting struct {
	mpblock.Store
	pages, changes atomic.Int64
}

func (c *counting) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	c.pages.Add(1)
	return c.Store.Blacklist(ctx, app, after, limit)
}

func (c *counting) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	c.changes.Add(1)
	return c.Store.Changes(ctx, app, after, limit)
}

// BenchmarkOpen measures how long a test waits for a server of its own.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.Context(), Config{Store: memstore.New()})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Start(); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// A directory that is deleted under the server makes it not ready, and its end an error.
func TestReadyzWithoutItsDirectory(t *testing.T) {
	c := Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0"}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.Data); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; {
		res, err := http.Get(s.URL() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			if !strings.Contains(string(body), "the data directory") {
				t.Errorf("it says %s", body)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it stays ready")
		}
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "the data directory") {
		t.Errorf("close: %v", err)
	}
}
