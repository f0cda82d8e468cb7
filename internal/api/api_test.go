package api

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
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

// oddStore is a store whose pages a test replaces.
type oddStore struct {
	mpblock.Store
	page func(ctx context.Context) error
}

func (s oddStore) Blacklist(ctx context.Context, _ mpblock.AppID, _ mpblock.OpenID, _ int) (mpblock.Page, error) {
	return mpblock.Page{}, s.page(ctx)
}

// server is an API over a store, with one account, a token and two followers.
type server struct {
	handler  http.Handler
	token    string
	ids      []string
	observed chan Request
}

func serve(t *testing.T, store mpblock.Store, timeout time.Duration) *server {
	t.Helper()
	p, err := access.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	a, secret, err := p.AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := p.StableToken(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(a.AppID), Secret: secret}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{token: tok.Value, observed: make(chan Request, 1000)}
	pages, _ := store.(lists.Quoted)
	l, err := lists.New(store, lists.Options{Quoted: pages})
	if err != nil {
		t.Fatal(err)
	}
	err = l.MintFollowers(t.Context(), a, 100, func(ids []mpblock.OpenID) error {
		for _, id := range ids {
			s.ids = append(s.ids, id.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = New(Options{Access: p, Lists: l, Timeout: timeout, Observe: func(r Request) { s.observed <- r }})
	return s
}

func (s *server) path(call string) string {
	return "/cgi-bin/tags/members/" + call + "?access_token=" + s.token
}

func (s *server) list(t *testing.T) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", s.path("getblacklist"), strings.NewReader("{}")))
	return w
}

const systemError = `{"errcode":-1,"errmsg":"system error"}`

func TestPanicAnswersAndIsReported(t *testing.T) {
	s := serve(t, oddStore{memstore.New(), func(context.Context) error { panic("out of cheese") }}, 0)
	w := s.list(t)
	if w.Code != 200 || w.Body.String() != systemError {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	o := <-s.observed
	if o.Code != wire.CodeSystem || o.Err.Err == nil || !strings.Contains(o.Err.Err.Error(), "out of cheese") || !strings.Contains(o.Err.Err.Error(), "api_test.go") {
		t.Errorf("observed %+v", o)
	}
	if strings.Contains(fmt.Sprint(w.Header()), "cheese") {
		t.Errorf("the panic is shown outside: %v", w.Header())
	}
}

func TestAbortIsLeftToTheServer(t *testing.T) {
	s := serve(t, oddStore{memstore.New(), func(context.Context) error { panic(http.ErrAbortHandler) }}, 0)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	s.list(t)
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, oddStore{memstore.New(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, 3*time.Second)
		start := time.Now()
		w := s.list(t)
		if w.Body.String() != systemError || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %s", time.Since(start), w.Body)
		}
		if d := w.Header().Get("X-Error-Detail"); !strings.Contains(d, "did not finish in 3s") {
			t.Errorf("detail %q", d)
		}
		if o := <-s.observed; o.Duration != 3*time.Second || !errors.Is(o.Err, context.DeadlineExceeded) {
			t.Errorf("observed %+v", o)
		}
	})
}

func TestHTTP2(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	ts := httptest.NewUnstartedServer(s.handler)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	res, err := ts.Client().Post(ts.URL+s.path("batchblacklist"), "", strings.NewReader(`{"openid_list":["`+s.ids[0]+`"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if res.ProtoMajor != 2 || err != nil || string(body) != `{"errcode":0,"errmsg":"ok"}` {
		t.Errorf("%s %s, %v", res.Proto, body, err)
	}
}

// An answer to HEAD has no body, so this is no vector.
func TestHEAD(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	ts := httptest.NewServer(s.handler)
	defer ts.Close()
	for path, c := range calls() {
		res, err := http.Head(ts.URL + path + "?access_token=" + s.token)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want := wire.CodeNeedPOST
		if c.get {
			want = wire.CodeNeedGET
		}
		if o := <-s.observed; res.StatusCode != http.StatusOK || o.Code != want || res.ContentLength != int64(o.Bytes) {
			t.Errorf("%s: %s, %d bytes; observed %+v", path, res.Status, res.ContentLength, o)
		}
	}
}

// A body that ends before its Content-Length is refused, and changes nothing.
func TestBodyCutOff(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	ts := httptest.NewServer(s.handler)
	defer ts.Close()
	c, err := net.Dial("tcp", ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"openid_list":["` + s.ids[0] + `"]}`
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", s.path("batchblacklist"), len(body)+1, body)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil { // the server may have hung up before it answered
		defer res.Body.Close()
		if got, _ := io.ReadAll(res.Body); len(got) > 0 && !strings.Contains(string(got), "47001") && !strings.Contains(string(got), "-1") {
			t.Errorf("answer %s", got)
		}
	}
	if o := <-s.observed; o.Code == wire.CodeOK {
		t.Errorf("observed %+v", o)
	}
	if w := s.list(t); !strings.Contains(w.Body.String(), `"total":0`) {
		t.Errorf("half a body changed the blacklist: %s", w.Body)
	}
}

// brokenBody is a body that cannot be read to its end.
type brokenBody struct {
	err  error
	then func()
}

func (b brokenBody) Read([]byte) (int, error) {
	b.then()
	return 0, b.err
}

// A body that breaks off is the request's fault, or nobody's where the client is
// gone: never the server's.
func TestBodyBreaksOff(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	post := func(err error, gone bool) Request {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		body := brokenBody{err, func() {}}
		if gone {
			body.then = cancel
		}
		s.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", s.path("batchblacklist"), body))
		return <-s.observed
	}
	for _, err := range []error{io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		if o := post(err, false); o.Code != wire.CodeBadData || !strings.Contains(o.Err.Message, "ends before its time, at byte 0") {
			t.Errorf("%v: observed %v", err, o.Err)
		}
		if o := post(err, true); !errors.Is(o.Err, context.Canceled) || !errors.Is(o.Err, err) || !strings.Contains(o.Err.Detail, "the client went away") {
			t.Errorf("%v, client gone: observed %v", err, o.Err)
		}
	}
}

// The same when it goes while the store works.
func TestClientGoesAway(t *testing.T) {
	s := serve(t, oddStore{memstore.New(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", s.path("getblacklist"), strings.NewReader("{}")))
	if o := <-s.observed; o.Code != wire.CodeSystem || !errors.Is(o.Err, context.Canceled) || !strings.Contains(o.Err.Detail, "the client went away") {
		t.Errorf("observed %v", o.Err)
	}
}

// Who sends far too much is answered nevertheless.
func TestBodyOverTheLimit(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	ts := httptest.NewServer(s.handler)
	defer ts.Close()
	for _, known := range []bool{true, false} { // with a Content-Length, and in chunks
		var body io.Reader = strings.NewReader(strings.Repeat(" ", 5<<20))
		if !known {
			body = io.MultiReader(body)
		}
		res, err := http.Post(ts.URL+s.path("batchblacklist"), "", body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(text), `"errcode":47001`) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

// Answers go into buffers that are reused: none may show in another.
func TestConcurrentCalls(t *testing.T) {
	s := serve(t, memstore.New(), 0)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				id := s.ids[i*10+j]
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", s.path("batchblacklist"), strings.NewReader(`{"openid_list":["`+id+`"]}`)))
				if w.Body.String() != `{"errcode":0,"errmsg":"ok"}` {
					t.Errorf("block: %s", w.Body)
				}
				if w := s.list(t); !strings.Contains(w.Body.String(), id) || !strings.HasSuffix(w.Body.String(), `"}`) {
					t.Errorf("list: %.100s", w.Body)
				}
			}
		})
	}
	wg.Wait()
}

func TestHeaderText(t *testing.T) {
	for in, want := range map[string]string{
		"list[3]: ” is\r\nno \x00quote": "list[3]: ? is  no  quote",
		"":                              "",
		strings.Repeat("x", 600):        strings.Repeat("x", 500) + "...",
	} {
		if got := headerText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
