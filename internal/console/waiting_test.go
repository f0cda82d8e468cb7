package console

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"

	"mpblock/internal/console/entry"
)

// A login that has ended under a form is begun anew, and the form goes on with what was
// entered. Passwords are not kept.
func TestFormsWaitForLogin(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	hidden := func(body, name string) string {
		t.Helper()
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no %s in %s", name, body)
		}
		return html.UnescapeString(m[1])
	}
	end := func() {
		t.Helper()
		if err := s.operators.EndSessions(t.Context(), "operator"); err != nil {
			t.Fatal(err)
		}
	}
	end()
	a := b.post(base+"/block", "openid", follower(1), "openid", follower(2), "reason", `spam "again"`, "back", base+"/followers")
	a.holds(t, 401, "what you entered is kept", `id="login"`)
	waiting := hidden(a.body, "waiting")
	a = b.post("/login", "name", "operator", "password", "wrong", "waiting", waiting)
	a.holds(t, 401, waiting)
	a = b.post("/login", "name", "operator", "password", password, "waiting", waiting)
	a.holds(t, 200, "nothing was changed", "spam &#34;again&#34;", `action="`+base+`/block"`, follower(1), follower(2))
	if a.path != entry.AgainPath {
		t.Errorf("at %s", a.path)
	}
	b.post(base+"/block", "openid", follower(1), "openid", follower(2), "reason", hidden(a.body, "reason"), "back", base+"/followers").
		holds(t, 200, "2 users are blocked")
	if a := b.get(entry.AgainPath); a.path == entry.AgainPath {
		t.Error("it waits still")
	}

	end()
	a = b.send(base+"/bulk", "block", "o1\no2", "list.csv", "")
	a.holds(t, 401, "what you entered is kept")
	b.post("/login", "name", "operator", "password", password, "waiting", hidden(a.body, "waiting")).
		holds(t, 200, `enctype="multipart/form-data"`, "value=\"o1\no2\"", "A file cannot be kept")

	for path, waits := range map[string]bool{
		"/accounts": true, "/accounts/" + string(testApp) + "/remove": true, "/operators/viewer": true, "/second-factor": true, "/me/rows": true,
		"/me/recovery": false, "/me/second-factor": false, "/me/second-factor/remove": false,
	} {
		end()
		if a := b.post(path, "name", "kept so"); a.status != 401 || strings.Contains(a.body, `name="waiting"`) != waits {
			t.Errorf("%s: %d, it is to wait: %t", path, a.status, waits)
		}
	}
	end()
	a = b.post("/accounts", "name", "kept so")
	b.post("/login", "name", "operator", "password", password, "waiting", hidden(a.body, "waiting")).
		holds(t, 200, "<code translate=\"no\">/accounts</code>", `action="/accounts"`, `value="kept so"`)

	end()
	a = b.post("/me/password", "old", password, "new", "the new one", "again", "the new one")
	a.holds(t, 401, "Your login has ended")
	if strings.Contains(a.body, `name="waiting"`) {
		t.Error("a password waits")
	}
	for _, path := range []string{"https://evil.example/a/", "//evil.example/a/", "/\\evil.example"} {
		text, err := json.Marshal(map[string]any{"path": path})
		if err != nil {
			t.Fatal(err)
		}
		a := b.post("/login", "name", "operator", "password", password, "waiting", base64.RawURLEncoding.EncodeToString(text))
		if a.path == entry.AgainPath {
			t.Errorf("a form for %s", path)
		}
	}
}

// What is refused of a button leads back to the page that it is on, and stands there above
// what was done before and can be undone.
func TestRefusedButtonsLeadBack(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp) + "/protected"
	b.post(base+"/block", "openid", follower(5)).holds(t, 200, `data-notice="good"`)
	r := b.form(at+"/end", "openid", "nonsense")
	r.Header.Set("Referer", s.URL+at+"?after="+follower(1))
	a := b.do(r)
	a.holds(t, 200, `data-notice="bad"`, "not an OpenID")
	if !strings.HasPrefix(a.path, at+"?after=") {
		t.Errorf("at %s", a.path)
	}
	refused, done := strings.Index(a.body, `data-notice="bad"`), strings.Index(a.body, `data-notice="good"`)
	if done < refused || !strings.Contains(a.body, "data-undo") {
		t.Errorf("what was refused at %d, what was done before at %d:\n%s", refused, done, a.body)
	}
	r.Header.Set("Referer", "https://evil.example/")
	r.Body = io.NopCloser(strings.NewReader("openid=nonsense"))
	b.do(r).holds(t, 422, "not an OpenID")
}
