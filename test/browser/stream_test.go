package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"mpblock/internal/testserver"
)

// wire is a TCP proxy whose connections can be cut.
type wire struct {
	net.Listener
	to string

	mu   sync.Mutex
	open []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to}
	go w.serve()
	t.Cleanup(func() { _ = l.Close(); w.cut() })
	return w
}

func (w *wire) serve() {
	for {
		here, err := w.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = here.Close()
			continue
		}
		w.mu.Lock()
		w.open = append(w.open, here, there)
		w.mu.Unlock()
		for _, way := range [][2]net.Conn{{here, there}, {there, here}} {
			go func() { _, _ = io.Copy(way[0], way[1]); _ = way[0].Close() }()
		}
	}
}

// cut cuts all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

// TestEventSource follows the changes of an account with a browser's own EventSource, in a
// page of another site. Its connection is cut again and again, while changes are made: the
// browser goes on by itself, and each change comes once.
func TestEventSource(t *testing.T) {
	const cuts, each = 3, 5
	s := serve(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>a page</title><link rel="icon" href="data:,"><body>`)
	}))
	t.Cleanup(site.Close)
	w := newWire(t, strings.TrimPrefix(s.Base, "http://"))
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Walk(http.DefaultClient, token)
	if err != nil {
		t.Fatal(err)
	}
	ids := slices.Sorted(func(yield func(string) bool) {
		for id := range list {
			if !yield(id) {
				return
			}
		}
	})
	b := browse(t, s.Base)
	b.visit(site.URL)
	feed := fmt.Sprintf("http://%s/v1/accounts/%s/changes?after=now&access_token=%s", w.Addr(), testserver.DemoAppID, url.QueryEscape(token))
	eval[bool](b, fmt.Sprintf(`(() => {
		window.got = [];
		window.opened = 0;
		window.source = new EventSource(%s);
		source.onopen = () => opened++;
		source.onmessage = e => got.push(e.data);
		return true;
	})()`, quote(feed)))
	made := []string{}
	for cut := range cuts + 1 {
		b.wait(fmt.Sprintf("opened > %d", cut))
		for range each {
			unblock(t, s, token, ids[len(made)])
			made = append(made, ids[len(made)])
		}
		b.wait(fmt.Sprintf("got.length >= %d", len(made)))
		if cut == cuts {
			break
		}
		w.cut()
		for range each { // while it is away
			unblock(t, s, token, ids[len(made)])
			made = append(made, ids[len(made)])
		}
	}
	eval[bool](b, "source.close() || true")
	b.lost()
	var told []string
	last := 0
	for i, text := range eval[[]string](b, "got") {
		var c struct {
			Revision int
			Kind     string
			OpenIDs  []string
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Kind != "unblocked" || i > 0 && c.Revision != last+1 {
			t.Errorf("told of %s after revision %d, %v", text, last, err)
		}
		last = c.Revision
		told = append(told, c.OpenIDs...)
	}
	if !slices.Equal(told, made) {
		t.Errorf("told of %d changes %q, want the %d made", len(told), told, len(made))
	}
	if log := s.Log(); strings.Contains(log, token) {
		t.Error("the access token is in the log")
	}
}

// lost takes no offence at connections that were cut.
func (b *tab) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = slices.DeleteFunc(b.wrong, func(text string) bool { return strings.Contains(text, "net::ERR_") })
}

func unblock(t *testing.T, s *testserver.Server, token, id string) {
	t.Helper()
	a, err := s.Post(http.DefaultClient, "batchunblacklist", token, testserver.Batch([]string{id}))
	if err != nil || a.Errcode != 0 {
		t.Fatalf("unblock %s: %+v, %v", id, a, err)
	}
}
