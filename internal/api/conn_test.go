package api

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/direct"
	"mpblock/internal/memstore"
	"mpblock/internal/quoted"
)

// piecesStore gives its pages out in many pieces, as lists in memory lie.
type piecesStore struct{ mpblock.Store }

func (s piecesStore) Quoted(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (quoted.Page, error) {
	p, err := s.Blacklist(ctx, app, after, limit)
	q := quoted.Page{Total: p.Total, Seq: p.Seq}
	for ids := range slices.Chunk(p.OpenIDs, 7) {
		q.Runs = append(q.Runs, quoted.Quote(ids))
	}
	return q, err
}

// listen serves as the server does.
func (s *server) listen(t *testing.T, writeTimeout time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute, WriteTimeout: writeTimeout}
	d := direct.Listen(l, direct.Options{Handler: s.handler, Takes: Short, Idle: time.Minute, Write: cmp.Or(writeTimeout, time.Minute), Ended: func() {}})
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(d) }()
	t.Cleanup(func() { _ = d.Shutdown(context.WithoutCancel(t.Context())); _ = srv.Close(); <-done })
	go func() { // so that no call waits for a reader of what was observed
		for {
			select {
			case <-s.observed:
			case <-done:
				return
			}
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// request is a call as it goes over a connection, with more lines in its header.
func (s *server) request(call, body, proto, more string) string {
	return fmt.Sprintf("POST %s %s\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", s.path(call), proto, more, len(body), body)
}

func idList(ids []string) string { return `{"openid_list":["` + strings.Join(ids, `","`) + `"]}` }

// call makes a call past any connection.
func (s *server) call(t *testing.T, call, body string) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", s.path(call), strings.NewReader(body)))
	return w.Body.String()
}

// each makes a call for all followers, in batches.
func (s *server) each(t *testing.T, call string) {
	t.Helper()
	for ids := range slices.Chunk(s.ids, 20) {
		if got := s.call(t, call, idList(ids)); got != `{"errcode":0,"errmsg":"ok"}` {
			t.Fatal(got)
		}
	}
}

// answers reads the answers that come over a connection until it is closed.
func answers(t *testing.T, c net.Conn) (bodies []string) {
	t.Helper()
	in := bufio.NewReader(c)
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return bodies
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("after %d answers: %v", len(bodies), err)
		}
		if res.StatusCode == http.StatusContinue {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || int64(len(body)) != res.ContentLength {
			t.Fatalf("answer %d: %s, %d of %d bytes, %v", len(bodies), res.Status, len(body), res.ContentLength, err)
		}
		bodies = append(bodies, string(body))
	}
}

// Calls that come all at once over one connection are answered in their order, each
// once and whole, whatever the length of their answers and however the last one ends.
func TestAnswersOverOneConnection(t *testing.T) {
	s := serve(t, piecesStore{memstore.New()}, 0)
	address := s.listen(t, 0)
	for _, last := range []string{
		s.request("getblacklist", "{}", "HTTP/1.1", "Connection: close\r\n"),
		s.request("getblacklist", "{}", "HTTP/1.0", ""),
		s.request("getblacklist", "{}", "HTTP/1.1", "Connection: close\r\nExpect: 100-continue\r\n"),
	} {
		want := []string{s.call(t, "getblacklist", "{}")}
		sent := s.request("getblacklist", "{}", "HTTP/1.1", "")
		for i := range s.ids {
			body := idList(s.ids[i : i+1])
			want = append(want, s.call(t, "batchblacklist", body), s.call(t, "getblacklist", "{}"))
			sent += s.request("batchblacklist", body, "HTTP/1.1", "") + s.request("getblacklist", "{}", "HTTP/1.1", "")
		}
		want = append(want, want[len(want)-1])
		s.each(t, "batchunblacklist")
		c := dial(t, address)
		go func() { _, _ = io.WriteString(c, sent+last) }()
		if got := answers(t, c); !slices.Equal(got, want) {
			t.Errorf("%d answers, want %d, or they differ", len(got), len(want))
		}
		s.each(t, "batchunblacklist")
	}
}

// A client that does not read its answers holds its connection no longer than the
// server's time for one write.
func TestClientThatDoesNotRead(t *testing.T) {
	s := serve(t, piecesStore{memstore.New()}, 0)
	s.each(t, "batchblacklist")
	c := dial(t, s.listen(t, 200*time.Millisecond))
	call := s.request("getblacklist", "{}"+strings.Repeat(" ", 2_000), "HTTP/1.1", "")
	_, err := io.WriteString(c, strings.Repeat(call, 10_000)) // more than the buffers of a connection hold
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open: %v", err)
	}
}
