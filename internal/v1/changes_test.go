package v1_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/feed"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	"mpblock/internal/memstore"
	v1 "mpblock/internal/v1"
)

func TestChanges(t *testing.T) {
	f := open(t)
	f.want(200, `{"changes":[],"revision":0,"place":"0-0-0","more":false}`, "GET", "/changes", "")
	f.want(201, "", "PUT", "/blocks/"+f.ids[0], `{"reason":"spam","ttl":"1h"}`)
	f.want(200, "", "PUT", "/blocks/"+f.ids[0], `{"reason":"worse"}`)
	f.want(204, "", "DELETE", "/blocks/"+f.ids[0], "")
	a := f.want(200, `{"revision":1,"kind":"blocked","time":"2026-03-01T08:00:00Z","actor":"api","reason":"spam","expire_time":"2026-03-01T09:00:00Z","openids":["`+f.ids[0]+`"]}`, "GET", "/changes", "")
	f.check(a, 200, `{"revision":2,"kind":"amended","time":"2026-03-01T08:00:00Z","actor":"api","reason":"worse","openids":["`, "amended")
	f.check(a, 200, `"kind":"unblocked"`, "unblocked")
	place := f.place(a)
	f.check(a, 200, `"revision":3,"place":"`+place+`","more":false}`, "place")
	if got := a.header.Get("Mpblock-Revision"); got != "3" {
		t.Errorf("revision %q of the answer, want 3", got)
	}
	f.want(200, `"more":true}`, "GET", "/changes?after=1&limit=1", "")
	for _, after := range []string{"3&wait=10ms", "now", place} {
		f.want(200, `{"changes":[],"revision":3,"place":"`+place+`","more":false}`, "GET", "/changes?after="+after, "")
	}
	f.want(201, "", "PUT", "/protected/"+f.ids[1], `{"reason":"staff"}`)
	f.want(201, "", "PUT", "/blocks/"+f.ids[2], `{}`)
	f.want(204, "", "DELETE", "/protected/"+f.ids[1], "")
	a = f.want(200, `,"kind":"protected","time":"2026-03-01T08:00:00Z","actor":"api","reason":"staff","openids":["`+f.ids[1]+`"]},{"revision":4,"kind":"blocked"`, "GET", "/changes?after="+place, "")
	f.check(a, 200, `"kind":"unprotected","time":"2026-03-01T08:00:00Z","actor":"api","reason":"","openids":["`, "unprotected")
	f.want(200, `{"changes":[],"revision":4,"place":"`+f.place(a)+`","more":false}`, "GET", "/changes?after="+f.place(a), "")
	f.want(200, `{"changes":[{"revision":4,"kind":"blocked"`, "GET", "/changes?after=3", "") // behind a revision, as of now
	f.want(200, `,"kind":"protected"`, "GET", "/changes?after=0&limit=4", "")
	a = f.want(410, `"code":"feed.gone"`, "GET", "/changes?after=3-zzz-0", "") // of another log
	f.check(a, 410, `"begin":4`, "where to begin")
	a = f.want(410, `"code":"feed.gone"`, "GET", "/changes?after=0-0-zzz", "")
	f.check(a, 410, `"begin":4`, "where to begin")
	for _, bad := range []string{"after=-1", "after=x", "limit=0", "limit=1001", "limit=x", "wait=61s", "wait=-1s", "wait=30", "after=99999999999999999999", "after=1-2", "after=1-!-3"} {
		f.want(400, `"code":"query"`, "GET", "/changes?"+bad, "")
	}
	a = f.want(410, `"code":"feed.gone"`, "GET", "/changes?after=5", "")
	if got := a.header.Get("Mpblock-Revision"); got != "4" {
		t.Errorf("one is to begin at %q, want 4", got)
	}
	f.check(a, 410, `"begin":4`, "where to begin")
	a = f.make(call{method: "GET", path: "/changes", token: "Bearer " + f.program("writer", programs.Write)})
	f.check(a, 403, "", "without the scope")
}

// place returns the place of an answer.
func (f *fixture) place(a answer) string {
	f.Helper()
	var out struct{ Place string }
	a.into(f.T, &out)
	return out.Place
}

func TestWalk(t *testing.T) {
	f := open(t)
	f.want(200, `{"openids":[],"total":0,"revision":0,"place":"0-0-0"}`, "GET", "/blocks:walk", "")
	for i, id := range f.ids[:3] {
		body := `{}`
		if i == 1 {
			body = `{"ttl":"1h"}`
		}
		f.want(201, "", "PUT", "/blocks/"+id, body)
	}
	f.want(200, fmt.Sprintf(`{"openids":[%q,%q],"expire_times":{%q:"2026-03-01T09:00:00Z"},"total":3,"revision":3,"place":"3-`, f.ids[0], f.ids[1], f.ids[1]), "GET", "/blocks:walk?limit=2", "")
	f.want(200, fmt.Sprintf(`{"openids":[%q],"total":3,"revision":3,"place":"3-`, f.ids[2]), "GET", "/blocks:walk?after="+f.ids[1], "")
	f.want(400, `"code":"query"`, "GET", "/blocks:walk?limit=10001", "")
	f.want(400, `"code":"openid.shape"`, "GET", "/blocks:walk?after=x", "")
}

// small is the native API alone, with checkpoints in quick succession.
type small struct {
	*testing.T
	store   *feed.Store
	access  *access.Service
	account *mpblock.Account
	token   string
	handler http.Handler
	jobs    *jobs.Service
	seen    atomic.Int64 // calls that have ended

	server *httptest.Server // once something was got
}

func beginSmall(t *testing.T, checkpoint time.Duration, most int) *small {
	t.Helper()
	s := &small{T: t, store: feed.New(memstore.New(), 0)}
	var err error
	if s.access, err = access.Open(t.Context(), s.store); err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(s.store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var secret string
	if s.account, secret, err = s.access.AddAccount(t.Context(), access.NewAccount{}); err != nil {
		t.Fatal(err)
	}
	tok, err := s.access.Token(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(s.account.AppID), Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	s.token = tok.Value
	s.jobs = jobs.New(s.store, l, s.access.Account, jobs.Options{})
	s.handler = v1.New(v1.Options{
		Access: s.access, Lists: l, Jobs: s.jobs, Past: past.Reader{Store: s.store}, Feed: s.store, Timeout: 10 * time.Second, Checkpoint: checkpoint, MaxStreams: most,
		Observe: func(v1.Request) { s.seen.Add(1) },
	})
	return s
}

func (s *small) apply(action mpblock.Action, n int) {
	s.Helper()
	id := mpblock.Mint(s.account.Prefix, s.account.Key, fmt.Sprint(n))
	if _, err := s.store.Apply(context.Background(), s.account.AppID, mpblock.Batch{Action: action, OpenIDs: []mpblock.OpenID{id}, Actor: "test", Time: time.Now()}); err != nil {
		s.Error(err)
	}
}

func (s *small) get(ctx context.Context, query, accept, last string) *http.Response {
	s.Helper()
	if s.server == nil {
		s.server = httptest.NewServer(s.handler)
		s.Cleanup(s.server.Close)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/v1/accounts/"+string(s.account.AppID)+"/changes"+query, nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", accept)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

const events = "text/event-stream"

// TestCutStreams follows changes over a thousand connections, each of which is cut
// somewhere: none is missed, and none comes twice.
func TestCutStreams(t *testing.T) {
	s := beginSmall(t, 0, 0)
	const cuts = 1_000
	var made atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				s.apply(mpblock.Block, n)
				made.Store(int64(n + 1))
				time.Sleep(50 * time.Microsecond)
			}
		}
	})
	at, place := uint64(0), ""
	for range cuts {
		ctx, cut := context.WithCancel(t.Context())
		resp := s.get(ctx, "", events, place)
		lines := bufio.NewReader(io.LimitReader(resp.Body, rand.Int64N(2_000)))
		for id, next := uint64(0), ""; ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			switch {
			case strings.HasPrefix(line, "id: "):
				_, _ = fmt.Sscanf(line, "id: %d", &id)
				next = strings.TrimSpace(line[len("id: "):])
			case line == "event: checkpoint\n":
				id = 0
			case line == "\n" && id > at:
				if id != at+1 {
					t.Fatalf("change %d after %d", id, at)
				}
				at, place = id, next
			}
		}
		cut()
		_ = resp.Body.Close()
	}
	close(stop)
	wg.Wait()
	if at < cuts || at > uint64(made.Load()) {
		t.Errorf("%d changes were told of %d over %d connections", at, made.Load(), cuts)
	}
}

// next returns the next event of a stream, as its lines.
func next(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%q, then %v", all.String(), err)
		}
		if line == "\n" {
			return all.String()
		}
		all.WriteString(line)
	}
}

func TestStream(t *testing.T) {
	s := beginSmall(t, time.Hour, 0)
	s.apply(mpblock.Block, 1)
	resp := s.get(t.Context(), "?after=now", events, "0") // the header is the later of the two
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != events {
		t.Fatalf("%d %s", resp.StatusCode, kind)
	}
	r := bufio.NewReader(resp.Body)
	want := func(parts ...string) {
		t.Helper()
		got := next(t, r)
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("got %q, want %q in it", got, p)
			}
		}
	}
	want("retry: 1000\nid: 0-0-0\n")
	want("id: 1-", `data: {"revision":1,"kind":"blocked"`)
	want("event: checkpoint\nid: 1-", `data: {"revision":1,"age_ms":0}`)
	s.apply(mpblock.Unblock, 1)
	want("id: 2-", `"kind":"unblocked"`)
	s.store.Stop()
	if rest, err := io.ReadAll(r); err != nil || len(rest) != 0 {
		t.Errorf("the end is %q, %v, want a clean one", rest, err)
	}
}

// A stream ends when its caller may no more.
func TestStreamIsRefused(t *testing.T) {
	s := beginSmall(t, 10*time.Millisecond, 0)
	resp := s.get(t.Context(), "", events, "")
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for range 3 {
		next(t, r)
	}
	if _, err := s.access.RotateSecret(t.Context(), s.account.AppID); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("%v, want the end of the stream", err)
	}
}

func TestStreamOfWhatIsGone(t *testing.T) {
	s := beginSmall(t, 0, 0)
	resp := s.get(t.Context(), "", events, "7")
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 410 || resp.Header.Get("Mpblock-Revision") != "0" {
		t.Errorf("%d %s, %v, want 410", resp.StatusCode, body, err)
	}
}

func TestManyWait(t *testing.T) {
	s := beginSmall(t, 0, 1)
	first := s.get(t.Context(), "", events, "")
	defer first.Body.Close()
	for _, accept := range []string{events, "application/json"} {
		resp := s.get(t.Context(), "?wait=1s", accept, "")
		_ = resp.Body.Close()
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, want 503", accept, resp.StatusCode)
		}
	}
	resp := s.get(t.Context(), "", "application/json", "")
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("without waiting: %d", resp.StatusCode)
	}
}

// TestLongPoll waits for a change, also over more than one node.
func TestLongPoll(t *testing.T) {
	s := beginSmall(t, 0, 0)
	for n := range 20 {
		done := make(chan time.Time, 1)
		go func() {
			time.Sleep(5 * time.Millisecond)
			s.apply(mpblock.Block, n)
			done <- time.Now()
		}()
		resp := s.get(t.Context(), fmt.Sprintf("?after=%d&wait=30s", n), "", "")
		var out struct {
			Revision uint64
			Changes  []struct{ Revision uint64 }
		}
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if out.Revision != uint64(n+1) || len(out.Changes) != 1 {
			t.Fatalf("%+v, want change %d", out, n+1)
		}
		if late := time.Since(<-done); late > 500*time.Millisecond {
			t.Errorf("heard after %v", late)
		}
	}
}

// request is that of a stream, as it goes over a connection.
func (s *small) request() string {
	return fmt.Sprintf("GET /v1/accounts/%s/changes HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nAuthorization: Bearer %s\r\n\r\n", s.account.AppID, events, s.token)
}

// TestSlowReader cuts who does not read, and nobody waits for it meanwhile.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beginSmall(t, 0, 0)
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: s.handler, ReadTimeout: 30 * time.Second, WriteTimeout: 56 * time.Second}
		go func() { _ = srv.Serve(p) }()
		connect := func() net.Conn {
			ours, theirs := net.Pipe()
			p.conns <- theirs
			_, _ = io.WriteString(ours, s.request())
			return ours
		}
		slow, good := connect(), connect()
		defer slow.Close()
		defer good.Close()
		heard := make(chan time.Time, 100)
		go func() {
			for r := bufio.NewReader(good); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if strings.HasPrefix(line, "data: {\"revision\":1,\"kind") {
					heard <- time.Now()
				}
			}
		}()
		time.Sleep(10 * time.Second)
		began := time.Now()
		s.apply(mpblock.Block, 1)
		if took := (<-heard).Sub(began); took > 0 {
			t.Errorf("who reads has heard after %v", took)
		}
		time.Sleep(20 * time.Second)
		if s.seen.Load() != 1 || s.store.Waiting() != 1 {
			t.Errorf("%d streams have ended, %d wait; want one each", s.seen.Load(), s.store.Waiting())
		}
		time.Sleep(time.Hour) // longer than any time of the server
		if s.store.Waiting() != 1 {
			t.Error("the stream of who reads has ended")
		}
		close(p.done)
		_ = srv.Close()
	})
}

// pipes is a network in memory, for more connections than there are files.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestIdleStreams has thousands of consumers wait at one node, of which each hears of a
// change.
func TestIdleStreams(t *testing.T) {
	const consumers = 10_000
	s := beginSmall(t, time.Minute, 0)
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: s.handler}
	go func() { _ = srv.Serve(p) }()
	request := s.request()
	var ready, heard sync.WaitGroup
	ready.Add(consumers)
	for range consumers {
		ours, theirs := net.Pipe()
		p.conns <- theirs
		defer ours.Close()
		heard.Go(func() {
			_, _ = io.WriteString(ours, request)
			r := bufio.NewReaderSize(ours, 512)
			for n := 0; ; {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Error(err)
					return
				}
				if strings.HasPrefix(line, "data: ") {
					if n++; n == 1 {
						ready.Done() // the checkpoint
					} else {
						return
					}
				}
			}
		})
	}
	ready.Wait()
	began := time.Now()
	s.apply(mpblock.Block, 1)
	heard.Wait()
	t.Logf("%d consumers have heard after %v", consumers, time.Since(began))
	close(p.done)
	_ = srv.Close()
}
