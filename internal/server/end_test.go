package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
)

// wires is a network of pipes, which works under the clock of a test.
type wires struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newWires() *wires { return &wires{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.dialled:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wires) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (w *wires) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case w.dialled <- theirs:
		return ours, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startOnWires starts a server that is reached through the client it returns.
func startOnWires(t *testing.T, c Config) (*world, *http.Client) {
	t.Helper()
	c.Listen = "wires"
	w := openWorld(t, c)
	l := newWires()
	w.listen = func(string, string) (net.Listener, error) { return l, nil }
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(transport.CloseIdleConnections)
	return w, &http.Client{Transport: transport}
}

// polled remembers when its queue of jobs was last looked into.
type polled struct {
	mpblock.Store
	mu   sync.Mutex
	last time.Time
}

func (p *polled) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	p.mu.Lock()
	p.last = time.Now()
	p.mu.Unlock()
	return p.Store.List(ctx, kind, after, limit)
}

// A request whose body never comes holds up an end for as long as requests may, and
// nothing else: jobs stop at once, no call is lost to the quota or to the counts, and
// nothing is wrong.
func TestEndUnderAnOpenRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &polled{Store: memstore.New()}
		var log bytes.Buffer
		w, client := startOnWires(t, Config{Store: store, Log: slog.New(slog.NewTextHandler(&log, nil))})
		app, ctx := w.account.AppID, context.Background()
		const limit = 100 // of which a twentieth is reserved at once
		_, err := w.Access().UpdateAccount(ctx, app, func(a *mpblock.Account) error {
			a.Daily = map[mpblock.Call]int{mpblock.CallList: limit}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // until the settings hold
		if a := w.post(t, "getblacklist", "{}"); a.Errcode != 0 {
			t.Fatalf("%+v", a)
		}
		open := make(chan error, 1)
		body, sender := io.Pipe()
		go func() {
			res, err := client.Post(w.URL()+w.path("batchblacklist"), "application/json", body)
			if err == nil {
				res.Body.Close()
			}
			open <- err
		}()
		synctest.Wait()

		begin := time.Now()
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(begin); took < drainTime || took > drainTime+cutTime+settleTime {
			t.Errorf("it took %v", took)
		}
		sender.Close() // the client waits for it, though the connection is gone
		if err := <-open; err == nil {
			t.Error("the open request got an answer")
		}
		if store.last.After(begin) {
			t.Errorf("jobs were looked for %v after the end began", store.last.Sub(begin))
		}
		if text := log.String(); strings.Contains(text, "WARN") || strings.Contains(text, "ERROR") || !strings.Contains(text, "are cut") {
			t.Errorf("log:\n%s", text)
		}

		next, err := Open(ctx, Config{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		left := 0
		for ; left <= limit; left++ {
			_, err := next.Access().Authorize(ctx, w.token, mpblock.CallList, netip.IPv6Loopback())
			if mpblock.KindOf(err) == mpblock.Limited {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if left != limit-1 {
			t.Errorf("%d calls are left of %d after one", left, limit)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		counts := map[mpblock.Call]int{}
		records, err := store.List(ctx, "calls", "", 10)
		for _, r := range records {
			var v struct{ Calls []access.CallCount }
			if err := json.Unmarshal(r.Value, &v); err != nil {
				t.Fatal(err)
			}
			for _, c := range v.Calls {
				counts[c.Call] += c.Count
			}
		}
		if err != nil || counts[mpblock.CallList] != 1 || counts[mpblock.CallBlock] != 1 {
			t.Errorf("counted: %v, %v", counts, err)
		}
	})
}

// A call waits for as long as the store may take, whatever that is, and the connection
// for longer.
func TestSlowStoreIsWaitedFor(t *testing.T) {
	for _, timeout := range []time.Duration{0, 30 * time.Second, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c := Config{StoreTimeout: timeout}
			c.Store = &slow{memstore.New(), c.withDefaults().StoreTimeout - time.Millisecond}
			w, client := startOnWires(t, c)
			res, err := client.Post(w.URL()+w.path("getblacklist"), "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatalf("the store may take %v, and the connection was cut: %v", timeout, err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || !strings.HasPrefix(string(body), `{"total":0`) {
				t.Errorf("the store may take %v: %s, %v", timeout, body, err)
			}
		})
	}
}

// slow takes its time for a page.
type slow struct {
	mpblock.Store
	takes time.Duration
}

func (s *slow) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	select {
	case <-time.After(s.takes):
		return s.Store.Blacklist(ctx, app, after, limit)
	case <-ctx.Done():
		return mpblock.Page{}, ctx.Err()
	}
}

// stuck does not list for the work in the background before it is told to, whoever waits.
type stuck struct {
	mpblock.Store
	free chan struct{}
}

func (s *stuck) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	<-s.free
	return s.Store.List(ctx, kind, after, limit)
}

// Work in the background that does not stop is waited for no longer than a request, and
// is told of.
func TestEndUnderWorkThatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stuck{memstore.New(), make(chan struct{})}
		var log bytes.Buffer
		w := openWorld(t, Config{Store: store, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != drainTime {
			t.Errorf("it took %v", took)
		}
		if !strings.Contains(log.String(), "did not stop in time") {
			t.Errorf("log: %s", log.String())
		}
		close(store.free)
	})
}

// An end is none of the errors after which a door is shut.
func TestEndIsNoFailure(t *testing.T) {
	for range 50 {
		s, err := Open(t.Context(), Config{Store: memstore.New(), Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		res, err := http.Get(s.URL() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-s.Failed():
			t.Fatal(err)
		default:
		}
	}
}
