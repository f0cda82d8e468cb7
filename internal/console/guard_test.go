package console

import (
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
