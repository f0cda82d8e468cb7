package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"mpblock/internal/memstore"
)

// Connections that are idle make room for new ones where there is none left; those at
// work go on, and the next one waits for them. Every server has a limit below that of
// open files, and the log says when it is met.
func TestConnectionsAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 3
		l := newWires()
		hold, begun := make(chan struct{}), make(chan struct{}, most)
		var log bytes.Buffer
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				begun <- struct{}{}
				<-hold
			}
			_, _ = fmt.Fprint(w, "answered")
		})}
		served := make(chan error)
		go func() { served <- srv.Serve(capConns(l, srv, most, slog.New(slog.NewTextHandler(&log, nil)))) }()

		ask := func(path string) net.Conn {
			t.Helper()
			c, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() { _, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path) }()
			return c
		}
		answered := func(c net.Conn) {
			t.Helper()
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("no answer: %v", err)
			}
		}
		for range most {
			answered(ask("/"))
		}
		if log.Len() > 0 {
			t.Errorf("with room for them: %s", &log)
		}
		var slow []net.Conn
		for range most { // each makes an idle one end
			slow = append(slow, ask("/slow"))
			<-begun
		}
		next := ask("/slow")
		synctest.Wait()
		if len(begun) > 0 {
			t.Error("one more than there may be is answered")
		}
		close(hold)
		for _, c := range slow {
			answered(c)
		}
		answered(next)
		if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "connections=3") {
			t.Errorf("%d warnings: %s", n, &log)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-served
	})
}

// What the store keeps open and the connections are below the limit together.
func TestOpenFilesAreShared(t *testing.T) {
	for _, limit := range []int{48, 256, 1_024, 65_536, anyFiles} {
		tables, conns := tablesOf(limit), connsOf(limit)
		if conns < limit/2 || tables < 10 || tables+conns > limit || limit >= 1_024 && tables+conns+100 > limit {
			t.Errorf("of %d: %d tables, %d connections", limit, tables, conns)
		}
	}
}

// A server takes no more connections than there are files for.
func TestServersAreCapped(t *testing.T) {
	w := openWorld(t, Config{Store: memstore.New()})
	if w.conns != connsOf(openFiles()) {
		t.Errorf("%d connections of %d files", w.conns, openFiles())
	}
}

// flaky is a listener that cannot accept at first.
type flaky struct{ net.Listener }

func (flaky) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

// That there are no files left is a warning, once in a while.
func TestFilesRunOut(t *testing.T) {
	var log bytes.Buffer
	l := capConns(flaky{}, &http.Server{}, 3, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		if _, err := l.Accept(); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("accepted: %v", err)
		}
	}
	if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "open files") {
		t.Errorf("said: %s", &log)
	}
}
