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
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock/client"
	"mpblock/mpblocktest"
)

const appID, secret = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"

// world is mpblock in memory, below a base path, with 100 followers. No port is needed,
// so that it works under a clock of its own too.
type world struct {
	*mpblocktest.Server
	ids []client.OpenID // of followers
}

func newWorld(t *testing.T, set ...mpblocktest.Option) *world {
	t.Helper()
	w := &world{Server: mpblocktest.New(t, append(set, mpblocktest.WithoutPort(), mpblocktest.WithRID())...)}
	for _, id := range w.Followers(100) {
		w.ids = append(w.ids, client.OpenID(id))
	}
	return w
}

// count returns how many calls came, by the last part of their path.
func (w *world) count(call string) int { return count(w.Server, "/"+call) }

// RoundTrip takes the base path off.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	path, ok := strings.CutPrefix(r.URL.Path, "/base/path")
	if !ok {
		return nil, fmt.Errorf("%s is not below the base path", r.URL.Path)
	}
	r = r.Clone(r.Context())
	r.URL.Path = path
	return w.Client().Transport.RoundTrip(r)
}

func (w *world) client(t *testing.T, options ...client.Option) *client.Client {
	t.Helper()
	options = append([]client.Option{
		client.WithBaseURL("http://server/base/path/"), client.WithHTTPClient(&http.Client{Transport: w}),
	}, options...)
	c, err := client.New(w.AppID, w.Secret, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// faults has these strike the next calls of the blacklist, and none strike the others.
func (w *world) faults(effects ...mpblocktest.Effect) {
	var rules []mpblocktest.Rule
	for i, e := range effects {
		rules = append(rules, mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/tags/members/*", Nth: i + 1}, Effect: e})
	}
	w.Fail(rules...)
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

func TestBlockListUnblock(t *testing.T) {
	w := newWorld(t, mpblocktest.WithPageSize(7))
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
	w := newWorld(t)
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
		w.faults(mpblocktest.Errcode(code))
		before := w.count("batchblacklist")
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, want) || w.count("batchblacklist") != before+1 {
			t.Errorf("%d: %v after %d calls", code, err, w.count("batchblacklist")-before)
		}
	}
	w.Fail()
	for _, tt := range []struct {
		appID, secret string
		want          error
	}{{"wx0000000000000000", w.Secret, client.ErrInvalidAppID}, {w.AppID, "wrong", client.ErrInvalidSecret}} {
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
		w := newWorld(t)
		c := w.client(t)
		start := time.Now()
		w.faults(mpblocktest.Errcode(-1), mpblocktest.Errcode(-1))
		if err := c.Block(t.Context(), w.ids[0]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 750*time.Millisecond {
			t.Errorf("it took %v, want two pauses of 250 and 500 ms", took)
		}
		w.faults(mpblocktest.Errcode(-1), mpblocktest.Errcode(-1), mpblocktest.Errcode(-1), mpblocktest.Errcode(-1))
		if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrSystem) {
			t.Errorf("in the end %v", err)
		}
		w.faults(mpblocktest.Errcode(-1))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := c.Block(ctx, w.ids[0]); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends in the pause: %v", err)
		}
		w.faults(mpblocktest.Errcode(-1))
		if err := w.client(t, client.WithRetries(0)).Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrSystem) {
			t.Errorf("without retries: %v", err)
		}
	})
}

// What may have happened is never sent again, and says so; a read is.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.client(t)
		lost := map[string]mpblocktest.Effect{
			"cut":     {Malformed: true},
			"html":    {HTTP: 502, Body: "<html>Bad Gateway</html>"},
			"empty":   {HTTP: 200},
			"other":   {HTTP: 200, Body: `{"hello":"world"}`},
			"ok, 500": {HTTP: 500, Body: `{"errcode":0,"errmsg":"ok"}`},
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
	s := mpblocktest.New(t)
	fans := s.Followers(2)
	s.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}})
	nowhere := httptest.NewServer(nil)
	nowhere.Close()
	dial := func(base string, options ...client.Option) *client.Client {
		c, err := client.New(s.AppID, s.Secret, append(options, client.WithBaseURL(base), client.WithRetries(1))...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	err := dial(s.URL).Block(t.Context(), client.OpenID(fans[0]))
	if !unknown(err) || count(s, "/batchblacklist") != 1 || len(s.Blocked()) != 1 {
		t.Errorf("lost: %v after %d calls, blocked %q", err, count(s, "/batchblacklist"), s.Blocked())
	}
	keepsSecrets(t, err, s.Secret)
	err = dial(nowhere.URL, client.WithToken("SECRET-TOKEN")).Block(t.Context(), client.OpenID(fans[1]))
	var op *net.OpError
	if unknown(err) || !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("no connection: %v", err)
	}
	keepsSecrets(t, err, "SECRET-TOKEN")
}

func keepsSecrets(t *testing.T, err error, secret string) {
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

// rival is somebody else who asks for a token: that of the call is dead.
var rival = mpblocktest.Effect{StaleToken: 40001}

func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
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
		w.faults(rival)
		block()
		if n := w.count("stable_token"); n != 2 {
			t.Errorf("%d tokens after a rival", n)
		}
		time.Sleep(2*time.Hour - 30*time.Second) // it would run out in half a minute
		block()
		if n := w.count("stable_token"); n != 3 {
			t.Errorf("%d tokens after two hours", n)
		}
		for n, code := range []int{42001, 40014, 42007} {
			w.faults(mpblocktest.Errcode(code))
			block()
			if got := w.count("stable_token"); got != 4+n {
				t.Errorf("%d tokens after a token that is dead by code %d", got, code)
			}
		}
		w.faults(mpblocktest.Errcode(41001)) // it had a token: another one would not be found either
		if err := c.Block(t.Context(), w.ids[0]); err == nil || w.count("stable_token") != 6 {
			t.Errorf("no token was found in the call: %v, %d tokens", err, w.count("stable_token"))
		}
		w.faults(mpblocktest.Errcode(40001), mpblocktest.Errcode(40001))
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
	w := newWorld(t)
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
	w.faults(rival)
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
	w := newWorld(t)
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
	w.faults(rival)
	c, err := client.New(w.AppID, "changed", client.WithHTTPClient(w.Client()), client.WithTokenFile(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Block(t.Context(), w.ids[0]); !errors.Is(err, client.ErrInvalidSecret) {
		t.Errorf("the token of the file is bad, and so is the secret: %v", err)
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
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
	w := newWorld(t, mpblocktest.WithPageSize(5))
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
