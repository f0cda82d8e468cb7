package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/desk"
	"mpblock/internal/feed"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
	"mpblock/internal/webhooks/post"
)

const (
	testApp   = mpblock.AppID("wx1111111111111111")
	otherApp  = mpblock.AppID("wx2222222222222222")
	password  = "a long enough phrase"
	followers = 120
)

var testPrefix = mpblock.Prefix{1, 2, 3, 4}

// follower returns the n-th follower of testApp.
func follower(n int) string {
	return mpblock.Mint(testPrefix, mpblock.Key{9}, string(rune('a'+n%26))+strings.Repeat("x", n/26)).String()
}

// site is a console with two accounts, followers, and an operator of each role whose
// name is that of the role; "limited" is an operator of otherApp alone.
type site struct {
	*httptest.Server
	t *testing.T
	*rules
	store mpblock.Store
	log   *strings.Builder
}

// rules are what a console works through.
type rules struct {
	access    *access.Service
	operators *operators.Service
	lists     *lists.Service
	jobs      *jobs.Service
	desks     *desk.Office
}

func openRules(tb testing.TB, store mpblock.Store) *rules {
	tb.Helper()
	var r rules
	var err error
	if r.access, err = access.Open(tb.Context(), store); err != nil {
		tb.Fatal(err)
	}
	if r.operators, err = operators.Open(tb.Context(), store, operators.Options{}); err != nil {
		tb.Fatal(err)
	}
	if r.lists, err = lists.New(store, lists.Options{}); err != nil {
		tb.Fatal(err)
	}
	r.jobs = jobs.New(store, r.lists, r.access.Account, jobs.Options{})
	r.desks = desk.New(r.access, r.operators, r.lists, r.jobs, remarks.New(store, nil), intake.New(store, r.lists, nil), upstream.New(store, upstream.Options{}), audit.New(store, nil, nil), nil).WithWebhooks(webhooks.New(store, webhooks.Options{
		Feed: feed.New(store, 0), Seal: plain{}, Post: post.Over(refuser{}, false), Alone: true,
	}))
	return &r
}

// account returns an account.
func (s *site) account(app mpblock.AppID) *mpblock.Account {
	s.t.Helper()
	a, err := s.access.Account(s.t.Context(), app)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func newSite(t *testing.T) *site {
	t.Helper()
	store := memstore.New()
	r := openRules(t, store)
	s := &site{t: t, rules: r, store: store, log: &strings.Builder{}}
	s.Server = httptest.NewServer(New(Options{
		Desks: r.desks, Operators: r.operators, Log: slog.New(slog.NewTextHandler(s.log, nil)), CodeText: strconv.Itoa,
	}))
	t.Cleanup(s.Close)
	return s
}

// filled returns a site with accounts, followers and operators.
func filled(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	ctx := t.Context()
	key := mpblock.Key{9}
	for _, n := range []access.NewAccount{{AppID: testApp, Name: "Tea <house>", Prefix: &testPrefix, Key: &key}, {AppID: otherApp, Name: "Other"}} {
		if _, _, err := s.access.AddAccount(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	ids := make([]mpblock.OpenID, followers)
	for i := range ids {
		id, err := mpblock.ParseOpenID(follower(i))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	if _, err := s.lists.AddFollowers(ctx, s.account(testApp), ids); err != nil {
		t.Fatal(err)
	}
	s.operator(operators.NewOperator{Name: "viewer", Role: operators.RoleViewer})
	s.operator(operators.NewOperator{Name: "operator", Role: operators.RoleOperator})
	s.operator(operators.NewOperator{Name: "admin", Role: operators.RoleAdmin})
	s.operator(operators.NewOperator{Name: "limited", Role: operators.RoleOperator, Accounts: []mpblock.AppID{otherApp}})
	return s
}

// operator creates an operator with the password of all tests.
func (s *site) operator(n operators.NewOperator) {
	s.t.Helper()
	_, token, err := s.operators.AddOperator(s.t.Context(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.operators.UseReset(s.t.Context(), token, password); err != nil {
		s.t.Fatal(err)
	}
}

// run has jobs run until the test ends.
func (s *site) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.jobs.Run(ctx, func(err error) { s.t.Error(err) })
	}()
	s.t.Cleanup(func() { cancel(); <-done })
}

// browser is somebody's.
type browser struct {
	*http.Client
	s *site
}

// answer is a page that a browser was shown in the end.
type answer struct {
	status int
	path   string // where it ended up, with the query
	body   string
	header http.Header
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, s}
}

// as returns the browser of an operator who has logged in.
func (s *site) as(name string) *browser {
	s.t.Helper()
	b := s.browser()
	if a := b.post("/login", "name", name, "password", password); a.status != 200 || strings.Contains(a.path, "/login") {
		s.t.Fatalf("login of %s: %d %s", name, a.status, a.path)
	}
	return b
}

func (b *browser) do(r *http.Request) answer {
	b.s.t.Helper()
	res, err := b.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Request.URL.RequestURI(), string(body), res.Header}
}

func (b *browser) get(path string) answer {
	b.s.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, b.s.URL+path, body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return r
}

// form returns a request that sends fields, which are names and values in turns.
func (b *browser) form(path string, fields ...string) *http.Request {
	b.s.t.Helper()
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	r := b.request(http.MethodPost, path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.s.URL)
	return r
}

func (b *browser) post(path string, fields ...string) answer {
	b.s.t.Helper()
	return b.do(b.form(path, fields...))
}

// holds fails the test unless the answer has the status and all of the texts.
func (a answer) holds(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d", a.path, a.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			_, inner, _ := strings.Cut(a.body, "<main")
			t.Errorf("%s: without %q:\n%.1500s", a.path, text, inner)
		}
	}
}
