// Package oidc has operators log in to the console through a real OpenID Connect
// provider: the example provider of the certified zitadel/oidc library. It is a
// module of its own, so that the provider's dependencies stay out of mpblock's.
package oidc

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/console"
	"mpblock/internal/console/sso"
	"mpblock/internal/desk"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
)

const users = `{
	"id1": {"ID": "id1", "Username": "anna", "Password": "at the provider", "Email": "anna@example.com", "EmailVerified": true},
	"id2": {"ID": "id2", "Username": "eve", "Password": "at the provider", "Email": "anna@example.com", "EmailVerified": false},
	"id3": {"ID": "id3", "Username": "stranger", "Password": "at the provider", "Email": "stranger@example.com", "EmailVerified": true}
}`

// world is a console, a provider, and an operator anna who has no password.
type world struct {
	t                 *testing.T
	console, provider *httptest.Server
	log               *strings.Builder
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: &strings.Builder{}}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	store := memstore.New()
	a, err := access.Open(t.Context(), store)
	must(err)
	o, err := operators.Open(t.Context(), store, operators.Options{})
	must(err)
	l, err := lists.New(store, lists.Options{})
	must(err)
	desks := desk.New(a, o, l, jobs.New(store, l, a.Account, jobs.Options{}), remarks.New(store, nil), intake.New(store, l, nil), upstream.New(store, upstream.Options{}), audit.New(store, nil, nil), nil)
	for _, n := range []operators.NewOperator{{Name: "anna", Role: operators.RoleAdmin, Email: "anna@example.com"}, {Name: "root", Role: operators.RoleAdmin}} {
		if _, _, err := o.AddOperator(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	w.console = httptest.NewUnstartedServer(nil)
	w.provider = httptest.NewUnstartedServer(nil)
	home, issuer := "http://"+w.console.Listener.Addr().String(), "http://"+w.provider.Listener.Addr().String()
	w.provider.Config.Handler = provider(t, issuer, home)
	w.console.Config.Handler = console.New(console.Options{
		Desks: desks, Operators: o, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		OIDC: &sso.Provider{Issuer: issuer, ClientID: "mpblock", ClientSecret: "client-secret", Name: "Example"},
	})
	for _, s := range []*httptest.Server{w.console, w.provider} {
		s.Start()
		t.Cleanup(s.Close)
	}
	return w
}

func provider(t *testing.T, issuer, home string) http.Handler {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	people, err := storage.StoreFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	client := storage.WebClient("mpblock", "client-secret", home+"/login/oidc/return")
	store := storage.NewStorageWithClients(people, map[string]*storage.Client{"mpblock": client})
	return exampleop.SetupServer(issuer, store, slog.New(slog.DiscardHandler), false)
}

// browser keeps cookies, and stops where its last request asks it to.
func (w *world) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

type page struct {
	status int
	at     *url.URL
	body   string
}

func (w *world) read(res *http.Response, err error) page {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return page{res.StatusCode, res.Request.URL, string(body)}
}

// atProvider goes from the console to the provider and shows it a password. It
// returns the address to which the provider sends the browser back.
func (w *world) atProvider(b *http.Client, name string) string {
	w.t.Helper()
	form := w.read(b.Get(w.console.URL + "/login/oidc?next=/me"))
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(form.body)
	if id == nil {
		w.t.Fatalf("no login page of the provider at %s: %s", form.at, form.body)
	}
	back := ""
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/login/oidc/return") {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer := w.read(b.PostForm(w.provider.URL+"/login/username", url.Values{"id": {id[1]}, "username": {name}, "password": {"at the provider"}}))
	b.CheckRedirect = nil
	if back == "" {
		w.t.Fatalf("the provider kept %s at %s: %s", name, answer.at, answer.body)
	}
	return back
}

// An operator is found by the verified email the first time, and by the identity
// from then on.
func TestLogin(t *testing.T) {
	w := start(t)
	for range 2 {
		b := w.browser()
		if p := w.read(b.Get(w.console.URL + "/")); !strings.Contains(p.body, "Log in with Example") {
			t.Errorf("the login page does not offer the provider: %s", p.body)
		}
		p := w.read(b.Get(w.atProvider(b, "anna")))
		if p.status != 200 || p.at.Path != "/me" || !strings.Contains(p.body, `id="me">anna<`) || !strings.Contains(p.body, w.provider.URL) {
			t.Fatalf("%d at %s: %s", p.status, p.at, p.body)
		}
	}
}

// Whoever is no operator, or has an email that nobody has verified, stays outside.
func TestStrangers(t *testing.T) {
	w := start(t)
	for _, name := range []string{"stranger", "eve"} {
		b := w.browser()
		p := w.read(b.Get(w.atProvider(b, name)))
		if p.status != 422 || !strings.Contains(p.body, "No operator belongs to this identity") {
			t.Errorf("%s: %d: %s", name, p.status, p.body)
		}
		if p := w.read(b.Get(w.console.URL + "/me")); p.at.Path != "/login" {
			t.Errorf("%s is in", name)
		}
	}
}

// An answer of the provider is good in the browser that asked for it, once.
func TestAnswersOfOthers(t *testing.T) {
	w := start(t)
	b := w.browser()
	back := w.atProvider(b, "anna")
	refused := func(what, text string, p page) {
		t.Helper()
		if p.status != 422 || !strings.Contains(p.body, text) {
			t.Errorf("%s: %d: %s", what, p.status, p.body)
		}
	}
	refused("another browser", "not begun in this browser", w.read(w.browser().Get(back)))
	refused("another state", "not begun in this browser", w.read(b.Get(strings.Replace(back, "state=", "state=x", 1))))
	if p := w.read(b.Get(back)); p.status != 200 {
		t.Errorf("the browser that asked: %d: %s", p.status, p.body)
	}
	refused("a second time", "not begun in this browser", w.read(b.Get(back)))
	for _, field := range []string{"Nonce", "Verifier"} {
		b := w.browser()
		back := w.atProvider(b, "anna")
		w.spoil(b, field)
		refused("another "+field, "cannot log you in right now", w.read(b.Get(back)))
	}
	b = w.browser()
	u, err := url.Parse(w.atProvider(b, "anna"))
	if err != nil {
		t.Fatal(err)
	}
	q := url.Values{"state": {u.Query().Get("state")}, "error": {"access_denied"}}
	refused("a refusal", "Example refused the login (access_denied)", w.read(b.Get(w.console.URL+"/login/oidc/return?"+q.Encode())))
	if strings.Contains(w.log.String(), "client-secret") || strings.Contains(w.log.String(), u.Query().Get("code")) {
		t.Errorf("a secret is in the log: %s", w.log)
	}
}

// spoil changes a field of what the browser keeps about the login under way.
func (w *world) spoil(b *http.Client, field string) {
	w.t.Helper()
	at, err := url.Parse(w.console.URL + "/login/oidc/return")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(at) {
		if !strings.HasPrefix(c.Name, "mpblock_oidc") {
			continue
		}
		text, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		flow := map[string]string{}
		if err := json.Unmarshal(text, &flow); err != nil {
			w.t.Fatal(err)
		}
		if flow[field] == "" {
			w.t.Fatalf("no %s in %s", field, text)
		}
		flow[field] = strings.Repeat("x", 43)
		if text, err = json.Marshal(flow); err != nil {
			w.t.Fatal(err)
		}
		b.Jar.SetCookies(at, []*http.Cookie{{Name: c.Name, Value: base64.RawURLEncoding.EncodeToString(text), Path: "/login/oidc"}})
		return
	}
	w.t.Fatal("the browser keeps nothing")
}

// A provider that is down is said to be, and asked again later.
func TestProviderDown(t *testing.T) {
	w := start(t)
	handler := w.provider.Config.Handler
	w.provider.Config.Handler = http.NotFoundHandler()
	b := w.browser()
	if p := w.read(b.Get(w.console.URL + "/login/oidc")); p.status != 422 || !strings.Contains(p.body, "Example cannot log you in right now") {
		t.Errorf("%d: %s", p.status, p.body)
	}
	if !strings.Contains(w.log.String(), w.provider.URL) {
		t.Errorf("the log does not say why: %s", w.log)
	}
	w.provider.Config.Handler = handler
	if p := w.read(b.Get(w.atProvider(b, "anna"))); p.status != 200 || p.at.Path != "/me" {
		t.Errorf("the provider is back, and %d at %s", p.status, p.at)
	}
}
