package v1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/jobs/queue"
	"mpblock/internal/lines"
)

// TestUploads has lists come in that never end: as many as there can be, and no longer than
// they may.
func TestUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beginSmall(t, 0, 0)
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: s.handler, ReadTimeout: 30 * time.Second, WriteTimeout: 56 * time.Second}
		go func() { _ = srv.Serve(p) }()
		send := func() chan *http.Response {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { _ = ours.Close() })
			p.conns <- theirs
			answer := make(chan *http.Response, 1)
			go func() {
				_, _ = fmt.Fprintf(ours, "POST /v1/accounts/%s/batches?action=block HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
					"Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n\"o", s.account.AppID, s.token)
			}()
			go func() {
				defer close(answer)
				if resp, err := http.ReadResponse(bufio.NewReader(ours), nil); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					answer <- resp
				}
			}()
			return answer
		}
		refused := func(what string) {
			t.Helper()
			select {
			case resp := <-send():
				if resp == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %v, want 503", what, resp)
				}
			case <-time.After(time.Minute):
				t.Errorf("%s: it comes in", what)
			}
		}
		began := time.Now()
		var all []chan *http.Response
		for range 4 {
			all = append(all, send())
			synctest.Wait()
			if len(all) == 1 {
				refused("a second list of an account")
			}
			s.another()
		}
		refused("a fifth list")
		for i, answer := range all {
			resp := <-answer
			if resp == nil || resp.StatusCode != 408 {
				t.Errorf("list %d: %v, want 408", i, resp)
			}
		}
		if took := time.Since(began); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("they were waited for %v", took)
		}
		select {
		case resp := <-send():
			t.Errorf("a list after the others: %v", resp)
		case <-time.After(time.Minute):
		}
		close(p.done)
		_ = srv.Close()
	})
}

// another has all that is sent from now on be of another account.
func (s *small) another() {
	s.Helper()
	account, secret, err := s.access.AddAccount(s.Context(), access.NewAccount{})
	if err != nil {
		s.Fatal(err)
	}
	tok, err := s.access.Token(s.Context(), access.Credentials{GrantType: "client_credential", AppID: string(account.AppID), Secret: secret})
	if err != nil {
		s.Fatal(err)
	}
	s.account, s.token = account, tok.Value
}

// TestWaits has as many wait for a revision as may, and who need not wait is not refused.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beginSmall(t, 0, 0)
		s.apply(mpblock.Block, 1)
		get := func(revision int) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("/v1/accounts/%s/blocks?min_revision=%d", s.account.AppID, revision), nil)
			r.Header.Set("Authorization", "Bearer "+s.token)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			return w.Code
		}
		const most = 100
		codes := make(chan int, most)
		for range most {
			go func() { codes <- get(2) }()
		}
		synctest.Wait()
		began := time.Now()
		if code := get(2); code != 503 || time.Since(began) != 0 {
			t.Errorf("one more: %d after %v, want 503 at once", code, time.Since(began))
		}
		if code := get(1); code != 200 {
			t.Errorf("of a revision that is there: %d", code)
		}
		s.apply(mpblock.Unblock, 1)
		for range most {
			if code := <-codes; code != 200 {
				t.Errorf("who has waited: %d", code)
			}
		}
	})
}

// TestQueue has operations begin until no more may, and one more once another has ended.
func TestQueue(t *testing.T) {
	f := open(t) // in which no jobs are run
	list := f.body("block", "", f.mint(1_001)...)
	var o operation
	for range queue.MaxJobs {
		f.want(202, "", "POST", "/batches", list).into(t, &o)
	}
	full := f.want(429, `"code":"job.queue_full"`, "POST", "/batches", list)
	if full.header.Get("Retry-After") != "60" {
		t.Errorf("429 with %v", full.header)
	}
	stream := func(query string) answer {
		return f.make(call{method: "POST", path: "/batches?action=block" + query, body: fmt.Sprintf("%q\n", f.ids[0]), header: http.Header{"Content-Type": {"application/x-ndjson"}}})
	}
	f.check(stream(""), 429, "job.queue_full", "a stream")
	f.check(stream("&validate_only=true"), 200, `"state":"draft"`, "a stream that changes nothing")
	if all, err := f.store.List(t.Context(), "job", "", 1_000); err != nil || len(all) != queue.MaxJobs {
		t.Errorf("%d jobs, %v: what was refused is kept", len(all), err)
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	f.ends(o.ID)
	for stream("").status == 429 && t.Context().Err() == nil { // its place is given back a moment later
	}
}

// TestGone has somebody go while the list waits to be read: nothing of it is left open.
func TestGone(t *testing.T) {
	s := beginSmall(t, 0, 0)
	reads, end := make(chan struct{}), make(chan struct{})
	read := make(chan error)
	go func() {
		_, err := s.jobs.Draft(t.Context(), s.account, "test", mpblock.Block, endless{reads, end})
		read <- err
	}()
	<-reads // so that no other list is
	ctx, leave := context.WithCancel(t.Context())
	body := &leaving{Reader: strings.NewReader("\"o\"\n"), leave: leave}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/accounts/"+string(s.account.AppID)+"/batches?action=block", body)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/x-ndjson")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code < 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	for _, file := range files {
		if to, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil && strings.Contains(to, "mpblock-batch-") {
			t.Errorf("%s is open", to)
		}
	}
	close(end)
	if err := <-read; !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// endless is a list whose reading lasts until its end.
type endless struct{ reads, end chan struct{} }

func (endless) Receive() error { return nil }

func (l endless) Read(func(lines.Line) error) ([]lines.Summary, error) {
	close(l.reads)
	<-l.end
	return nil, io.ErrClosedPipe
}

// leaving is a body whose sender goes once it has been read.
type leaving struct {
	io.Reader
	leave func()
}

func (l *leaving) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil {
		l.leave()
	}
	return n, err
}
