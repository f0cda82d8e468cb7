package console

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Who tries too many present passwords is told how long to wait, and others are not
// held up.
func TestPresentPasswordThrottling(t *testing.T) {
	s := filled(t)
	viewer, admin := s.as("viewer"), s.as("admin")
	wrong := func(b *browser) answer {
		return b.post("/me/password", "old", "wrong", "new", password+"!", "again", password+"!")
	}
	a := wrong(viewer)
	for range 40 {
		if a.status != http.StatusUnprocessableEntity {
			break
		}
		a.holds(t, 422, "not your present password")
		a = wrong(viewer)
	}
	a.holds(t, 429, "Too many attempts. Try again in")
	wrong(admin).holds(t, 422, "not your present password")
	if s.log.Len() != 0 {
		t.Errorf("the log has %s", s.log)
	}
}

// Who is not logged in leaves nothing in the store, whatever it asks for.
func TestStrangersWriteNothing(t *testing.T) {
	s := filled(t)
	for _, path := range []string{"/logout", "/login/code", "/language", "/welcome", "/password", "/me/password", "/accounts"} {
		r := s.browser().form(path, "lang", "en", "token", "x")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if cookie := res.Header.Get("Set-Cookie"); strings.Contains(cookie, "session") {
			t.Errorf("%s: cookie %q", path, cookie)
		}
	}
	for _, kind := range []string{"session", "attempts"} {
		if records, err := s.store.List(t.Context(), kind, "", 9); err != nil || len(records) != 0 {
			t.Errorf("%d records of kind %s, %v", len(records), kind, err)
		}
	}
}

// Programs that look whether a link leads somewhere leave it to whom it is for.
func TestHeadSpendsNoLink(t *testing.T) {
	fresh := newSite(t)
	setup, err := fresh.operators.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := filled(t)
	reset, err := s.operators.ResetOperator(t.Context(), "viewer")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := s.operators.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []struct {
		s          *site
		path, page string
	}{
		{fresh, "/welcome?token=" + setup, "Create the first operator"},
		{s, "/password?token=" + reset, "viewer, choose your password"},
		{s, "/demo?token=" + demo, "Tea &lt;house&gt;"},
	} {
		for range 2 {
			b := link.s.browser()
			b.do(b.request(http.MethodHead, link.path, nil)).holds(t, 200)
		}
		link.s.browser().get(link.path).holds(t, 200, link.page)
	}
}

// Browsers send a cookie to all ports of a host: of two servers with a store each,
// none ends the session of the other. Nodes of one store know each other's.
func TestTwoOnOneHost(t *testing.T) {
	one, two := filled(t), filled(t)
	b := one.as("viewer")
	other := &browser{b.Client, two}
	other.post("/login", "name", "operator", "password", password).holds(t, 200, "operator")
	b.get("/me").holds(t, 200, "viewer")
	other.get("/me").holds(t, 200, "operator")
	node := *one
	node.Server = httptest.NewServer(New(Options{Desks: one.desks, Operators: openRules(t, one.store).operators, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(node.Close)
	(&browser{b.Client, &node}).get("/me").holds(t, 200, "viewer")
}

// What is handed over names the site that the browser says it is at, or none: a proxy
// may let through any Host. It is shown once, and HEAD does not count.
func TestLinksAreOfTheSite(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	made := 0
	for _, from := range []struct{ host, origin, link, paste string }{
		{"", s.URL, s.URL + "/password?token=", "BASE=" + s.URL + "/cgi-bin"},
		{"evil.example", "", "/password?token=", "BASE=http://HOST/cgi-bin"},
		{"10.0.0.7:8080", "https://console.example", "https://console.example/password?token=", "BASE=https://console.example/cgi-bin"},
		{"127.0.0.1:8080", "http://127.0.0.1:8080/operators", "http://127.0.0.1:8080/password?token=", "BASE=http://127.0.0.1:8080/cgi-bin"},
	} {
		post := func(path string, fields ...string) {
			t.Helper()
			r := b.form(path, fields...)
			r.Header.Del("Origin")
			if from.host != "" {
				r.Host = from.host
			}
			if strings.HasSuffix(from.origin, "/operators") {
				r.Header.Set("Referer", from.origin)
			} else if from.origin != "" {
				r.Header.Set("Origin", from.origin)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			}
			for _, cookie := range b.Jar.Cookies(r.URL) { // a jar goes by the Host
				r.AddCookie(cookie)
			}
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusSeeOther {
				t.Fatalf("%+v: %d", from, res.StatusCode)
			}
		}
		look := func(path, text string) {
			t.Helper()
			b.do(b.request(http.MethodHead, path, nil)).holds(t, 200)
			b.get(path).holds(t, 200, text)
			if strings.Contains(b.get(path).body, text) {
				t.Errorf("%s is shown twice", text)
			}
		}
		made++
		post("/operators", "name", fmt.Sprintf("new%d", made), "role", "viewer")
		look("/operators", `id="new-link">`+from.link)
		post("/accounts/"+string(testApp)+"/secret", "sure", "1")
		look("/accounts/"+string(testApp), `id="secret-shown"`)
		post("/accounts/"+string(testApp)+"/secret", "sure", "1")
		b.get("/accounts/"+string(testApp)).holds(t, 200, from.paste)
	}
}

// The link of a demo that runs is good again and again at the machine itself: not
// through a proxy, and not once the demo has ended.
func TestDemoLinkAtThisMachine(t *testing.T) {
	s := filled(t)
	token, err := s.operators.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	running := *s
	running.Server = httptest.NewServer(New(Options{Desks: s.desks, Operators: s.operators, Demo: true, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(running.Close)
	for range 3 {
		running.browser().get("/demo?token="+token).holds(t, 200, "Tea &lt;house&gt;")
	}
	b := running.browser()
	r := b.request(http.MethodGet, "/demo?token="+token, nil)
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	b.do(r).holds(t, 422, "not good any more")
	s.browser().get("/demo?token="+token).holds(t, 422, "not good any more")
}
