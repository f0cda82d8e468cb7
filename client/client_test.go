package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
)

const appID, secret = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"

// world is the API of mpblock on a store in memory, below a base path, with a
// place for faults before it.
type world struct {
	access *access.Service
	store  mpblock.Store
	api    http.Handler
	ids    []client.OpenID // of followers
	fault  func(http.ResponseWriter, *http.Request) bool
	mu     sync.Mutex
	calls  []string // the last part of each path
}

func newWorld(t *testing.T, pageSize int) *world {
	t.Helper()
	w := &world{store: memstore.New()}
	s, err := server.Open(t.Context(), server.Config{Store: w.store, PageSize: pageSize, RID: true})
	if err != nil {
		t.Fatal(err)
	}
	w.access = s.Access()
	account, _, err := w.access.AddAccount(t.Context(), access.NewAccount{AppID: appID, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Lists().MintFollowers(t.Context(), account, 100, func(ids []mpblock.OpenID) error {
		for _, id := range ids {
			w.ids = append(w.ids, client.OpenID(id.String()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(w.ids)
	w.api = http.StripPrefix("/base/path", s.Handler())
	return w
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.calls = append(w.calls, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	w.mu.Unlock()
	if w.fault != nil && w.fault(rw, r) {
		return
	}
	w.api.ServeHTTP(rw, r)
}

func (w *world) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c == call {
			n++
		}
	}
	return n
}

// RoundTrip serves a request without a network, so that it works under a clock of
// its own.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	r.RemoteAddr = "127.0.0.1:1"
	w.ServeHTTP(rec, r)
	return rec.Result(), nil
}

func (w *world) client(t *testing.T, options ...client.Option) *client.Client {
	t.Helper()
	options = append([]client.Option{
		client.WithBaseURL("http://server/base/path/"), client.WithHTTPClient(&http.Client{Transport: w}),
	}, options...)
	c, err := client.New(appID, secret, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func list(t *testing.T, c *client.Client) []client.OpenID {
	t.Helper()
	var all []client.OpenID
	for id, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, id)
	}
	return all
}

func answer(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { fmt.Fprintf(w, `{"errcode":%d,"errmsg":"text rid: 0-1-2"}`, code) }
}

// faults answers the next calls of the blacklist with these, and leaves the others
// to the API.
func (w *world) faults(answers ...func(http.ResponseWriter)) {
	var mu sync.Mutex
	w.fault = func(rw http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 || !strings.Contains(r.URL.Path, "/tags/members/") {
			return false
		}
		answers[0](rw)
		answers = answers[1:]
		return true
	}
}

func TestBlockListUnblock(t *testing.T) {
	w := newWorld(t, 7)
	for _, options := range [][]client.Option{nil, {client.WithPlainToken()}} {
		c := w.client(t, options...)
		for batch := range slices.Chunk(w.ids, client.MaxBatch) {
			if err := c.Block(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
		}
		if got := list(t, c); !slices.Equal(got, w.ids) {
			t.Errorf("listed %d, want %d", len(got), len(w.ids))
		}
		p, err := c.List(t.Context(), w.ids[97])
		if err != nil || p.Total != 100 || p.Count != 2 || p.Next != w.ids[99] || len(p.OpenIDs) != 2 {
			t.Errorf("last page %+v, %v", p, err)
		}
		if err := c.Unblock(t.Context(), w.ids[:20]...); err != nil {
			t.Fatal(err)
		}
		if got := list(t, c); len(got) != 80 {
			t.Errorf("listed %d, want 80", len(got))
		}
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, 0)
	c := w.client(t)
	tests := []struct {
		ids  []client.OpenID
		want error
	}{
		{[]client.OpenID{"OPENID1"}, client.ErrInvalidOpenID},
		{[]client.OpenID{"o6_bmjrPTlm6_2sgVt7hMZOPfL2M"}, client.ErrNotThisAccount},
		{w.ids[:21], client.ErrListSize},
		{nil, client.ErrListSize},
	}
	for _, tt := range tests {
		err := c.Block(t.Context(), tt.ids...)
		var e *client.Error
		if !errors.Is(err, tt.want) || !errors.As(err, &e) || len(e.RID) != 26 || strings.Contains(e.Message, "rid") || e.Call != "batchblacklist" {
			t.Errorf("%q: %v, want %v", tt.ids, err, tt.want)
		}
		if errors.Is(err, client.ErrSystem) {
			t.Errorf("%v is a system error too", err)
		}
	}
	for code, want := range map[int]error{45009: client.ErrDailyQuota, 45011: client.ErrTooFast, 48001: client.ErrUnauthorized} {
		w.faults(answer(code), answer(0))
		before := w.count("batchblacklist")
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, want) || w.count("batchblacklist") != before+1 {
			t.Errorf("%d: %v after %d calls", code, err, w.count("batchblacklist")-before)
		}
	}
	w.fault = nil
	for _, tt := range []struct {
		appID, secret string
		want          error
	}{{"wx0000000000000000", secret, client.ErrInvalidAppID}, {appID, "wrong", client.ErrInvalidSecret}} {
		c, err := client.New(tt.appID, tt.secret, client.WithBaseURL("http://server/base/path"), client.WithHTTPClient(&http.Client{Transport: w}))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, tt.want) {
			t.Errorf("got %v, want %v", err, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, base := range []string{"", "host", "ftp://host", "http://", "http://host?x=1", "http://ho st", "http://host/cgi-bin", "https://host/x/cgi-bin//"} {
		if _, err := client.New(appID, secret, client.WithBaseURL(base)); err == nil {
			t.Errorf("%q was taken as a base URL", base)
		}
	}
	if _, err := client.New("", secret); err == nil {
		t.Error("an empty AppID was taken")
	}
	if _, err := client.New(appID, ""); err == nil {
		t.Error("an empty secret was taken")
	}
}

func TestSystemErrorsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		c := w.client(t)
		start := time.Now()
		w.faults(answer(-1), answer(-1))
		if err := c.Block(t.Context(), w.ids[0]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 750*time.Millisecond {
			t.Errorf("it took %v, want two pauses of 250 and 500 ms", took)
		}
		w.faults(answer(-1), answer(-1), answer(-1), answer(-1))
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrSystem) {
			t.Errorf("in the end %v", err)
		}
		w.faults(answer(-1))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := c.Block(ctx, w.ids[0]); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends in the pause: %v", err)
		}
		w.faults(answer(-1))
		if err := w.client(t, client.WithRetries(0)).Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrSystem) {
			t.Errorf("without retries: %v", err)
		}
	})
}

// What may have happened is never sent again, and says so; a read is.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		c := w.client(t)
		lost := map[string]func(http.ResponseWriter){
			"cut":     func(w http.ResponseWriter) { io.WriteString(w, `{"errcode":0,"err`) },
			"html":    func(w http.ResponseWriter) { w.WriteHeader(502); io.WriteString(w, "<html>Bad Gateway</html>") },
			"empty":   func(http.ResponseWriter) {},
			"other":   func(w http.ResponseWriter) { io.WriteString(w, `{"hello":"world"}`) },
			"ok, 500": func(w http.ResponseWriter) { w.WriteHeader(500); io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`) },
		}
		for name, f := range lost {
			w.faults(f)
			before := w.count("batchblacklist")
			err := c.Block(t.Context(), w.ids[0])
			var unknown *client.UnknownOutcomeError
			if !errors.As(err, &unknown) || unknown.Call != "batchblacklist" || w.count("batchblacklist") != before+1 {
				t.Errorf("%s: %v after %d calls", name, err, w.count("batchblacklist")-before)
			}
			if name == "other" {
				continue // for a list it is an empty page
			}
			w.faults(f)
			if _, err := c.List(t.Context(), ""); err != nil {
				t.Errorf("%s: list: %v", name, err)
			}
		}
	})
}

// Over a real network: applied and the answer lost, and no connection at all.
func TestLostConnections(t *testing.T) {
	w := newWorld(t, 0)
	var lose atomic.Bool
	ts := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if lose.Load() && strings.Contains(r.URL.Path, "batchblacklist") {
			w.ServeHTTP(httptest.NewRecorder(), r)
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		w.ServeHTTP(rw, r)
	}))
	c := w.client(t, client.WithHTTPClient(&http.Client{Timeout: 5 * time.Minute}), client.WithBaseURL(ts.URL+"/base/path"), client.WithRetries(1))
	lose.Store(true)
	err := c.Block(t.Context(), w.ids[0])
	var unknown *client.UnknownOutcomeError
	if !errors.As(err, &unknown) || w.count("batchblacklist") != 1 {
		t.Errorf("lost: %v after %d calls", err, w.count("batchblacklist"))
	}
	if got := list(t, c); !slices.Equal(got, w.ids[:1]) {
		t.Errorf("listed %q", got)
	}
	keepsSecrets(t, err)
	ts.Close()
	err = c.Block(t.Context(), w.ids[1])
	var op *net.OpError
	if errors.As(err, &unknown) || !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("no connection: %v", err)
	}
	keepsSecrets(t, err)
}

func keepsSecrets(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if s := e.Error(); strings.Contains(s, secret) || strings.Contains(s, "access_token") || strings.Contains(s, "secret=") {
			t.Errorf("an error shows what it must not: %s", s)
		}
	}
}

func TestSlowServer(t *testing.T) {
	gone := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"total":`)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	}))
	defer ts.Close()
	defer close(gone)
	c, err := client.New("", "", client.WithBaseURL(ts.URL), client.WithToken("SECRET-TOKEN"), client.WithHTTPClient(&http.Client{Timeout: 50 * time.Millisecond}), client.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.List(t.Context(), ""); err == nil || strings.Contains(err.Error(), "SECRET-TOKEN") {
		t.Errorf("got %v", err)
	}
}

func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		c := w.client(t)
		block := func() {
			t.Helper()
			if err := c.Block(t.Context(), w.ids[0]); err != nil {
				t.Fatal(err)
			}
		}
		block()
		block()
		if n := w.count("stable_token"); n != 1 {
			t.Errorf("%d tokens for two calls", n)
		}
		time.Sleep(time.Minute)
		creds := access.Credentials{GrantType: "client_credential", AppID: appID, Secret: secret, IP: netip.MustParseAddr("127.0.0.1")}
		if _, err := w.access.StableToken(t.Context(), creds, true); err != nil { // a rival forces another
			t.Fatal(err)
		}
		block()
		if n := w.count("stable_token"); n != 2 {
			t.Errorf("%d tokens after a rival", n)
		}
		time.Sleep(2*time.Hour - 30*time.Second) // it would run out in half a minute
		block()
		if n := w.count("stable_token"); n != 3 {
			t.Errorf("%d tokens after two hours", n)
		}
		w.faults(answer(42001))
		block()
		w.faults(answer(40001), answer(40001))
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrInvalidToken) {
			t.Errorf("a token that stays bad: %v", err)
		}
		fixed := w.client(t, client.WithToken("nonsense"))
		if err := fixed.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrInvalidToken) {
			t.Errorf("the caller's own token: %v", err)
		}
	})
}

func TestOneRenewalForAll(t *testing.T) {
	w := newWorld(t, 0)
	c := w.client(t, client.WithPlainToken())
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := c.Block(t.Context(), w.ids[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.count("token"); n != 1 {
		t.Errorf("%d tokens for 50 goroutines", n)
	}
	c = w.client(t)
	if err := c.Block(t.Context(), w.ids[0]); err != nil {
		t.Fatal(err)
	}
	creds := access.Credentials{GrantType: "client_credential", AppID: appID, Secret: secret, IP: netip.MustParseAddr("127.0.0.1")}
	if _, err := w.access.StableToken(t.Context(), creds, true); err != nil { // a rival forces another
		t.Fatal(err)
	}
	for i := range 50 {
		wg.Go(func() {
			if err := c.Block(t.Context(), w.ids[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.count("stable_token"); n != 2 {
		t.Errorf("%d tokens for 50 goroutines whose token was bad, want the first and one more", n)
	}
}

func TestSharedTokenFile(t *testing.T) {
	w := newWorld(t, 0)
	file := filepath.Join(t.TempDir(), "token")
	var wg sync.WaitGroup
	for i := range 8 { // as many processes
		wg.Go(func() {
			c := w.client(t, client.WithTokenFile(file), client.WithPlainToken())
			if err := c.Block(t.Context(), w.ids[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.count("token"); n != 1 {
		t.Errorf("%d tokens for 8 clients", n)
	}
	if _, err := w.access.RotateSecret(t.Context(), appID); err != nil {
		t.Fatal(err)
	}
	c := w.client(t, client.WithTokenFile(file))
	if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrInvalidSecret) {
		t.Errorf("the token of the file is bad, and so is the secret: %v", err)
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		c := w.client(t, client.WithPace(100*time.Millisecond))
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if err := c.Block(t.Context(), w.ids[i]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second { // a token and 10 calls
			t.Errorf("it took %v", took)
		}
	})
}

// Every entry that stays on the list during the walk is returned exactly once,
// however the list changes meanwhile.
func TestAllWhileTheListChanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, 5)
	c := w.client(t)
	for range 50 {
		blocked := map[client.OpenID]bool{}
		change := func(n int) {
			for range n {
				i := random.IntN(len(w.ids))
				id := w.ids[i]
				call := c.Block
				if blocked[id] {
					call = c.Unblock
				}
				if err := call(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				blocked[id] = !blocked[id]
			}
		}
		for p, err := range c.All(t.Context()) { // begin from what is there
			if err != nil {
				t.Fatal(err)
			}
			blocked[p] = true
		}
		change(60)
		stays := maps.Clone(blocked)
		got := map[client.OpenID]int{}
		for id, err := range c.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got[id]++
			change(random.IntN(3))
			for id := range stays {
				stays[id] = stays[id] && blocked[id]
			}
		}
		for id, s := range stays {
			if s && got[id] != 1 {
				t.Errorf("%s stayed and was returned %d times", id, got[id])
			}
		}
		for id, n := range got {
			if n > 1 {
				t.Errorf("%s was returned %d times", id, n)
			}
		}
	}
}

// A server that never comes to an end is given up.
func TestAllEnds(t *testing.T) {
	pages := []string{
		`{"total":9,"count":1,"data":{"openid":["a"]},"next_openid":"a"}`,
		`{"total":9,"count":2,"data":{"openid":["a","b"]},"next_openid":"b"}`, // inclusive
		`{"total":1,"count":1,"data":{"openid":["c"]},"next_openid":"a"}`,     // round in a circle
	}
	serve := func(pages []string) (got []client.OpenID, err error) {
		n := 0
		c, err := client.New("", "", client.WithToken("x"), client.WithHTTPClient(&http.Client{Transport: tripper(func(*http.Request) string {
			n++
			return pages[n-1]
		})}))
		if err != nil {
			return nil, err
		}
		for id, err := range c.All(t.Context()) {
			if err != nil {
				return got, err
			}
			got = append(got, id)
		}
		return got, nil
	}
	got, err := serve(pages)
	if err == nil || !slices.Equal(got, []client.OpenID{"a", "b", "c"}) {
		t.Errorf("in a circle: %q, %v", got, err)
	}
	got, err = serve([]string{pages[0], `{"total":1,"count":1,"data":{"openid":["b"]},"next_openid":""}`})
	if err != nil || len(got) != 2 {
		t.Errorf("without a cursor at the end: %q, %v", got, err)
	}
	got, err = serve([]string{`{"total":1,"count":1,"data":{"openid":["a"]},"next_openid":"a"}`, `{"total":5,"count":0,"next_openid":""}`})
	if err != nil || len(got) != 1 {
		t.Errorf("with a wrong total: %q, %v", got, err)
	}
	got, err = serve([]string{pages[2], pages[1], `{"total":3,"count":0,"next_openid":""}`})
	if err != nil || !slices.Equal(got, []client.OpenID{"c", "b"}) {
		t.Errorf("with a total that the first page has reached: %q, %v", got, err)
	}
}

// tripper answers requests with a text.
type tripper func(*http.Request) string

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, _ = io.WriteString(w, f(r))
	return w.Result(), nil
}

func Example() {
	// The answers of a server with two blocked users.
	server := tripper(func(r *http.Request) string {
		var body struct {
			Begin string `json:"begin_openid"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch {
		case strings.HasSuffix(r.URL.Path, "stable_token"):
			return `{"access_token":"TOKEN","expires_in":7200}`
		case body.Begin == "":
			return `{"total":2,"count":2,"data":{"openid":["o6_bmjrPTlm6_2sgVt7hMZOPfL2M","o6_bmjrPTlm6_2sgVt7hMZOPfL2Q"]},"next_openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2Q"}`
		}
		return `{"total":2,"count":0,"next_openid":""}`
	})
	c, err := client.New(appID, secret, client.WithBaseURL("http://127.0.0.1:8080"), client.WithHTTPClient(&http.Client{Transport: server}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for id, err := range c.All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(id)
	}
	// Output:
	// o6_bmjrPTlm6_2sgVt7hMZOPfL2M
	// o6_bmjrPTlm6_2sgVt7hMZOPfL2Q
}

func ExampleClient_Block() {
	server := tripper(func(r *http.Request) string {
		if strings.HasSuffix(r.URL.Path, "stable_token") {
			return `{"access_token":"TOKEN","expires_in":7200}`
		}
		return `{"errcode":40003,"errmsg":"invalid openid"}`
	})
	c, err := client.New(appID, secret, client.WithHTTPClient(&http.Client{Transport: server}))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.Block(context.Background(), "OPENID1")
	var lost *client.UnknownOutcomeError
	switch {
	case errors.Is(err, client.ErrInvalidOpenID):
		fmt.Println("refused:", err)
	case errors.As(err, &lost):
		fmt.Println("read the list to find out")
	}
	// Output: refused: batchblacklist: 40003 invalid openid
}
