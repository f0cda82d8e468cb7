package v1_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
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
