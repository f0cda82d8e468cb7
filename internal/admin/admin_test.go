package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/testserver"
)

func TestMain(m *testing.M) {
	if err := testserver.ShortTemp(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// rulesOver returns the rules over a store that cannot be copied.
func rulesOver(t *testing.T, store mpblock.Store) Rules {
	t.Helper()
	var r Rules
	var err error
	if r.Access, err = access.Open(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	if r.Operators, err = operators.Open(t.Context(), store, operators.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.Lists, err = lists.New(store, lists.Options{}); err != nil {
		t.Fatal(err)
	}
	r.Audit = audit.New(store, nil, nil)
	r.Backup = func(context.Context, string) error {
		return mpblock.NewError(mpblock.Unavailable, "backup.store", "this store cannot be copied")
	}
	return r
}

func start(t *testing.T, dir string) *Client {
	t.Helper()
	s, err := Start(dir, rulesOver(t, memstore.New()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return Dial(dir)
}

func TestSocketIsPrivate(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	info, err := os.Stat(filepath.Join(dir, SocketName))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestNoServer(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(dir).List(t.Context(), ""); !errors.Is(err, ErrNoServer) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(dir).List(t.Context(), ""); !errors.Is(err, ErrNoServer) {
		t.Errorf("a socket that was left: %v", err)
	}
	if _, err := start(t, dir).List(t.Context(), ""); err != nil {
		t.Errorf("a server where a socket was left: %v", err)
	}
}

// An AppID becomes a part of a path, and must not lead to another one.
func TestAppIDsAreChecked(t *testing.T) {
	c := start(t, t.TempDir())
	for _, app := range []string{"", ".", "..", "../backup", "a/b?c", "wx0123", "WX0123456789ABCDEF"} {
		if _, err := c.Show(t.Context(), app); err == nil || !strings.Contains(err.Error(), "not an AppID") {
			t.Errorf("show %q: %v", app, err)
		}
		if _, err := c.RotateSecret(t.Context(), app); err == nil || !strings.Contains(err.Error(), "not an AppID") {
			t.Errorf("rotate %q: %v", app, err)
		}
	}
}

func TestDataIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(file).List(t.Context(), ""); !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), "is no directory") {
		t.Errorf("%v", err)
	}
}

// slowBackup is a store whose copies take until they are let go.
type slowBackup struct {
	mpblock.Store
	letGo chan struct{}
	under atomic.Int32
}

func (s *slowBackup) Backup(_ context.Context, dir string) error {
	s.under.Add(1)
	defer s.under.Add(-1)
	<-s.letGo
	return os.Mkdir(dir, 0o700)
}

// Of two backups to one place, the second is refused and leaves the first alone.
func TestBackupsOneAtATime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := &slowBackup{Store: memstore.New(), letGo: make(chan struct{})}
		rules := rulesOver(t, store)
		rules.Backup = store.Backup
		h := newHandler(rules, slog.New(slog.DiscardHandler))
		backup := func(ctx context.Context, answer chan<- string) {
			w := httptest.NewRecorder()
			body := strings.NewReader(`{"dir":"` + filepath.Join(dir, "copy") + `"}`)
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/backup", body))
			answer <- w.Body.String()
		}
		both, third := make(chan string, 2), make(chan string, 1)
		go backup(t.Context(), both)
		go backup(t.Context(), both)
		synctest.Wait()
		if n := store.under.Load(); n != 1 {
			t.Errorf("%d copies under way", n)
		}
		gone, leave := context.WithCancel(t.Context())
		go backup(gone, third)
		synctest.Wait()
		leave()
		if got := <-third; !strings.Contains(got, "canceled") {
			t.Errorf("who went away while waiting: %s", got)
		}
		close(store.letGo)
		if got := <-both + <-both; strings.Count(got, "{}") != 1 || !strings.Contains(got, "is there already") {
			t.Errorf("answers %s", got)
		}
	})
}

func TestFollowersAreAllOrNone(t *testing.T) {
	c := start(t, t.TempDir())
	a, err := c.Add(t.Context(), NewAccount{Prefix: "01020304"})
	if err != nil {
		t.Fatal(err)
	}
	own := mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{}, "a")
	foreign := mpblock.Mint(mpblock.Prefix{}, mpblock.Key{}, "a")
	if _, err := c.Follow(t.Context(), string(a.AppID), []mpblock.OpenID{own, foreign}); err == nil || !strings.Contains(err.Error(), "OpenID 2, "+foreign.String()) {
		t.Errorf("another account's: %v", err)
	}
	if n, err := c.Follow(t.Context(), string(a.AppID), []mpblock.OpenID{own}); n != 1 || err != nil {
		t.Errorf("registered %d, %v", n, err)
	}
	if _, err := c.Follow(t.Context(), string(a.AppID), make([]mpblock.OpenID, 5)); err == nil {
		t.Error("zero OpenIDs were registered")
	}
	for _, n := range []int{0, -1, mpblock.MaxWrite + 1} {
		if _, err := c.Mint(t.Context(), string(a.AppID), n); err == nil {
			t.Errorf("minted %d", n)
		}
	}
	if got, err := c.Show(t.Context(), string(a.AppID)); err != nil || got.Followers != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConcurrentSettings(t *testing.T) {
	c := start(t, t.TempDir())
	a, err := c.Add(t.Context(), NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, call := range mpblock.Calls() {
		wg.Go(func() {
			if _, err := c.Set(t.Context(), string(a.AppID), Settings{DenyCalls: []mpblock.Call{call}, Daily: map[mpblock.Call]int{call: 7}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := c.Show(t.Context(), string(a.AppID))
	if err != nil || len(got.DeniedCalls) != len(mpblock.Calls()) || len(got.Daily) != len(mpblock.Calls()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBackupNeedsARealPlace(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	for to, want := range map[string]string{
		"relative":                     "absolute path",
		dir:                            "is there already",
		filepath.Join(dir, "anywhere"): "cannot be copied", // memstore cannot
	} {
		if err := c.Backup(t.Context(), to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
	}
}

// What is refused keeps its kind and key on the way through the socket.
func TestErrorsKeepTheirKind(t *testing.T) {
	c := start(t, t.TempDir())
	_, err := c.Show(t.Context(), "wx0000000000000000")
	if !errors.Is(err, access.ErrNoAccount) || mpblock.KindOf(err) != mpblock.NotFound || err.Error() != "there is no account wx0000000000000000 here" {
		t.Errorf("no such account: %v, %s", err, mpblock.KindOf(err))
	}
	_, err = c.Add(t.Context(), NewAccount{Prefix: "xyz%s"})
	if mpblock.KindOf(err) != mpblock.Invalid || err.Error() != `not a prefix of OpenIDs: "xyz%s", want 8 hexadecimal digits` {
		t.Errorf("no prefix: %v, %s", err, mpblock.KindOf(err))
	}
}

func TestBadRequests(t *testing.T) {
	h := newHandler(rulesOver(t, memstore.New()), slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/accounts", "nonsense", http.StatusBadRequest},
		{"POST", "/accounts", `{"unknown":1}`, http.StatusBadRequest},
		{"POST", "/accounts", `{"name":5}`, http.StatusBadRequest},
		{"POST", "/accounts", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, http.StatusBadRequest},
		{"POST", "/accounts", `{"name":"` + strings.Repeat("x", 300) + `"}`, http.StatusBadRequest},
		{"GET", "/accounts/wx0000000000000000", "", http.StatusNotFound},
		{"GET", "/accounts/x%2f..", "", http.StatusBadRequest},
		{"DELETE", "/accounts", "", http.StatusMethodNotAllowed},
		{"GET", "/nothing", "", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.status {
			t.Errorf("%s %s %.40s: %d %s, want %d", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status)
		}
	}
}
