package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// The link of an empty store makes the first operator, once.
func TestWelcome(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.get("/").holds(t, 200, "There is no operator here yet")
	token, err := s.operators.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link := "/welcome?" + url.Values{"token": {token}}.Encode()
	b.get(link).holds(t, 200, "Create the first operator", token)
	b.get("/welcome?token=wrong").holds(t, 422, "This link is not good any more")
	b.post("/welcome", "token", token, "name", "anna", "password", password, "again", "other").holds(t, 422, "not the same", `value="anna"`)
	b.post("/welcome", "token", token, "name", "anna", "password", "short", "again", "short").holds(t, 422, "at least 10")
	done := b.post("/welcome", "token", token, "name", "anna", "password", password, "again", password)
	done.holds(t, 200, "Welcome, anna", "no account yet")
	s.browser().get(link).holds(t, 422, "There is an operator already")
	created := b.post("/accounts", "name", "Tea")
	created.holds(t, 200, "shown this once", "AppSecret")
	secret := regexp.MustCompile(`id="secret">([0-9a-f]{32})<`).FindStringSubmatch(created.body)
	if secret == nil {
		t.Fatal("no secret is shown")
	}
	if again := b.get(created.path); strings.Contains(again.body, secret[1]) {
		t.Error("the secret is shown twice")
	}
	if strings.Contains(s.log.String(), secret[1]) || strings.Contains(s.log.String(), token) {
		t.Error("a secret is in the log")
	}
}

func TestLogin(t *testing.T) {
	s := filled(t)
	b := s.browser()
	a := b.get(base + "/history?action=block")
	a.holds(t, 200, `id="login"`)
	if want := "/login?next=" + url.QueryEscape(base+"/history?action=block"); a.path != want {
		t.Errorf("at %s, want %s", a.path, want)
	}
	b.post("/login", "name", "viewer", "password", "wrong").holds(t, 401, "Name or password is not right", `value="viewer"`)
	b.post("/login", "name", "nobody", "password", "wrong").holds(t, 401, "Name or password is not right")
	if a := b.post("/login", "name", "viewer", "password", password, "next", "//evil.example/"); a.path != base {
		t.Errorf("after logging in at %s", a.path)
	}
	if a := b.get("/login"); a.path != base {
		t.Errorf("logged in, the login page is %s", a.path)
	}
	out := b.post("/logout")
	out.holds(t, 200, "You have logged out")
	if a := b.get(base); !strings.HasPrefix(a.path, "/login") {
		t.Error("logged out and still in")
	}
	next := s.browser()
	if a := next.post("/login", "name", "viewer", "password", password, "next", base+"/history?action=block"); a.path != base+"/history?action=block" {
		t.Errorf("after logging in at %s", a.path)
	}
}

// Who tries too often is told how long to wait.
func TestThrottling(t *testing.T) {
	s := filled(t)
	b := s.browser()
	for range 40 {
		a := b.post("/login", "name", "viewer", "password", "wrong")
		if a.status == http.StatusTooManyRequests {
			a.holds(t, 429, "Too many attempts. Try again in")
			return
		}
	}
	t.Error("40 wrong passwords in a row, and no end")
}

// A session is bound to its cookie, which scripts cannot read and other sites do not
// send; another admin ends it.
func TestSession(t *testing.T) {
	s := filled(t)
	b := s.as("viewer")
	r := b.form("/login", "name", "viewer", "password", password)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	cookie := res.Header.Get("Set-Cookie")
	if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q", cookie)
	}
	s.as("admin").post("/operators/viewer/logout").holds(t, 200, "All logins of viewer have ended")
	a := b.get(base)
	a.holds(t, 200, "Your login has ended", `id="login"`)
	r = b.request(http.MethodGet, base+"/jobs/x/progress", nil)
	r.Header.Set("HX-Request", "true")
	if a := b.do(r); a.status != 401 || a.header.Get("HX-Redirect") != "/login" {
		t.Errorf("a piece of a page: %d, to %q", a.status, a.header.Get("HX-Redirect"))
	}
}

// A token that somebody had before logging in is not the one of the session.
func TestSessionIsNotFixed(t *testing.T) {
	s := filled(t)
	b := s.browser()
	token := func() string {
		at, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.Jar.Cookies(at) {
			if strings.HasPrefix(c.Name, "mpblock_session") {
				return c.Value
			}
		}
		return ""
	}
	b.post("/login", "name", "viewer", "password", password)
	r := b.request(http.MethodPost, "/logout", nil) // its notice begins a session
	r.Header.Set("Accept-Language", "en")
	stop := *b.Client
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := stop.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	before := token()
	b.post("/login", "name", "viewer", "password", password).holds(t, 200, "viewer")
	if before == "" || token() == before {
		t.Errorf("before %q, after %q", before, token())
	}
}

func TestSecureCookies(t *testing.T) {
	s := newSite(t)
	token, err := s.operators.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = New(Options{Desks: s.desks, Operators: s.operators, Secure: true})
	res, err := http.DefaultTransport.RoundTrip(s.browser().request(http.MethodGet, "/demo?token="+token, nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 303 || !strings.Contains(res.Header.Get("Set-Cookie"), "Secure") {
		t.Errorf("%d, cookie %q", res.StatusCode, res.Header.Get("Set-Cookie"))
	}
}

// What another site has a browser send changes nothing.
func TestCrossOrigin(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	for _, path := range []string{base + "/block", "/login", "/logout", "/language", "/accounts"} {
		r := b.form(path, "openid", follower(0), "name", "x", "lang", "zh-CN")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		b.do(r).holds(t, 403, "nothing is done on behalf of other sites")
		r = b.form(path, "openid", follower(0), "name", "x", "lang", "zh-CN")
		r.Header.Set("Origin", "https://evil.example")
		b.do(r).holds(t, 403, "nothing is done on behalf of other sites")
	}
	b.get(base+"/blacklist").holds(t, 200, "Nobody is on the blacklist", `lang="en"`)
}

func TestDemo(t *testing.T) {
	s := filled(t)
	token, err := s.operators.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a := s.browser().get("/demo?token=" + token); a.path != base {
		t.Errorf("the demo begins at %s", a.path)
	}
	s.browser().get("/demo?token="+token).holds(t, 422, "This link is not good any more")
}

// An operator sets up a second factor, logs in with it, and removes it.
func TestSecondFactor(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	page := b.post("/me/second-factor/new")
	page.holds(t, 200, "Scan this", `class="qr"`)
	key := regexp.MustCompile(`id="totp-key">([A-Z2-7]+)<`).FindStringSubmatch(page.body)
	if key == nil {
		t.Fatal("no key is shown")
	}
	b.post("/me/second-factor", "code", "000000").holds(t, 422, "This code does not belong")
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(key[1], at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.post("/me/second-factor", "code", code(time.Now())).holds(t, 200, "The second factor is on")

	next := s.browser()
	ask := next.post("/login", "name", "operator", "password", password, "next", base+"/bulk")
	ask.holds(t, 200, "operator, enter the six-digit code")
	next.post("/login/code", "code", "000000").holds(t, 401, "The code is not right")
	if a := next.post("/login/code", "code", code(time.Now().Add(30*time.Second))); a.path != base+"/bulk" {
		t.Errorf("%d at %s: %s", a.status, a.path, a.body)
	}
	s.browser().get("/login/code").holds(t, 200, `id="login"`)
	next.post("/me/second-factor/remove", "password", "wrong").holds(t, 422, "This is not your present password")
	next.post("/me/second-factor/remove", "password", password).holds(t, 200, "The second factor is off")
}

// An operator of whom a second factor is required sees nothing else first.
func TestSecondFactorIsRequired(t *testing.T) {
	s := filled(t)
	admin := s.as("admin")
	admin.post("/second-factor", "required", "1").holds(t, 422, "Set up your own second factor first")
	page := admin.post("/me/second-factor/new")
	key := regexp.MustCompile(`id="totp-key">([A-Z2-7]+)<`).FindStringSubmatch(page.body)
	code, err := totp.GenerateCode(key[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	admin.post("/me/second-factor", "code", code)
	admin.post("/second-factor", "required", "1").holds(t, 200, "Saved.")
	viewer := s.as("viewer")
	a := viewer.get(base + "/followers")
	a.holds(t, 200, "Your account needs a second factor")
	if a.path != "/me" {
		t.Errorf("at %s", a.path)
	}
}

func TestPassword(t *testing.T) {
	s := filled(t)
	b, elsewhere := s.as("viewer"), s.as("viewer")
	const other = "another long phrase"
	b.post("/me/password", "old", "wrong", "new", other, "again", other).holds(t, 422, "This is not your present password")
	b.post("/me/password", "old", password, "new", other, "again", "x").holds(t, 422, "not the same")
	b.post("/me/password", "old", password, "new", other, "again", other).holds(t, 200, "The password has been changed")
	if a := elsewhere.get(base); !strings.HasPrefix(a.path, "/login") {
		t.Error("another login outlives the password")
	}
	if a := s.browser().post("/login", "name", "viewer", "password", other); a.path != base {
		t.Errorf("with the new password at %s", a.path)
	}
}

// An admin creates an operator, who chooses a password by the link.
func TestOperators(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	b.post("/operators", "name", "viewer", "role", "viewer").holds(t, 422, "exists already")
	b.post("/operators", "name", "UPPER", "role", "viewer").holds(t, 422, "lower-case letters", `value="UPPER"`)
	made := b.post("/operators", "name", "bo@example.com", "role", "operator", "accounts", string(testApp), "email", "bo@example.com")
	made.holds(t, 200, "Operator bo@example.com has been created", "Give this link to bo@example.com")
	link := regexp.MustCompile(`id="new-link">([^<]+)<`).FindStringSubmatch(made.body)
	if link == nil || !strings.HasPrefix(link[1], s.URL+"/password?token=") {
		t.Fatalf("link %q", link)
	}
	if strings.Contains(b.get("/operators").body, link[1]) {
		t.Error("the link is shown twice")
	}
	path := strings.TrimPrefix(link[1], s.URL)
	bo := s.browser()
	bo.get(path).holds(t, 200, "bo@example.com, choose your password")
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	if a := bo.post("/password", "token", u.Query().Get("token"), "password", password, "again", password); a.path != base {
		t.Errorf("after choosing a password at %s", a.path)
	}
	b.get("/operators/bo@example.com").holds(t, 200, string(testApp), "bo@example.com")
	b.post("/operators/bo@example.com", "role", "viewer").holds(t, 200, "Saved.")
	if a := bo.get(base + "/followers"); strings.Contains(a.body, `id="act"`) {
		t.Error("a viewer is shown how to block")
	}
	b.post("/operators/bo@example.com/disable", "disabled", "1").holds(t, 200, "Saved.", "Disabled")
	if a := bo.get(base); !strings.HasPrefix(a.path, "/login") {
		t.Error("a disabled operator is in")
	}
	b.post("/operators/admin", "role", "viewer").holds(t, 422, "no admin who can log in")
	b.post("/operators/bo@example.com/reset").holds(t, 200, "Give this link to bo@example.com")
	b.post("/operators/bo@example.com/remove").holds(t, 200, "Select the checkbox first")
	if a := b.post("/operators/bo@example.com/remove", "sure", "1"); strings.Contains(a.body, `data-operator="bo@example.com"`) {
		t.Error("a removed operator is there still")
	}
	b.get("/operators/bo@example.com").holds(t, 404)
}

// An admin changes an account's settings; what is wrong with them is said, and what
// was entered stays.
func TestAccountSettings(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp)
	b.post(at, "name", "New", "ips", "192.0.2.7\n198.51.100.0/24", "allow", "token", "allow", "getblacklist", "daily:getblacklist", "500", "minute:token", "60", "any", "1").
		holds(t, 200, "Saved.", "192.0.2.7\n198.51.100.0/24", `name="daily:getblacklist" value="500"`, "New: settings")
	a, err := s.access.Account(t.Context(), testApp)
	if err != nil || a.Name != "New" || !a.AnyFollower || len(a.AllowIPs) != 2 || a.Daily["getblacklist"] != 500 || a.PerMinute["token"] != 60 || len(a.Denied) != 11 {
		t.Errorf("%+v, %v", a, err)
	}
	b.post(at, "name", "New", "ips", "nonsense").holds(t, 422, "is not an address", "nonsense")
	b.post(at, "name", "New", "daily:token", "many").holds(t, 422, "“many” is not a limit", `value="many"`)
	b.post(at+"/secret").holds(t, 200, "Select the checkbox first")
	b.post(at+"/secret", "sure", "1").holds(t, 200, "There is a new AppSecret", `id="secret"`)
	b.post("/accounts", "name", "x", "appid", "wx1").holds(t, 422, "wx and 16 lower-case", `value="wx1"`)
	b.get("/switch?account="+string(otherApp)).holds(t, 200, "Other")
	if a := b.get("/"); a.path != "/a/"+string(otherApp) {
		t.Errorf("not back at the account that was looked at last, but at %s", a.path)
	}
	b.get("/me").holds(t, 200, "/a/"+string(otherApp)+"/blacklist")
}

// An account that is retired is removed by typing its AppID; what was typed wrong is there
// to be mended.
func TestRemoveAccount(t *testing.T) {
	b := filled(t).as("admin")
	page := "/accounts/" + string(testApp)
	if a := b.get(page); strings.Contains(a.body, "do-remove") {
		t.Error("an account in use can be removed")
	}
	b.post(page+"/remove", "typed", string(testApp)).holds(t, 422, "is in use: retire it first")
	b.post(page+"/retire", "retired", "1", "sure", "1").holds(t, 200, "do-remove")
	b.post(page+"/remove", "typed", "wx0").holds(t, 422, "wx0&#34; was typed: to remove the account, type its AppID", `value="wx0"`)
	gone := b.post(page+"/remove", "typed", " "+string(testApp))
	gone.holds(t, 200, "is removed. Its data is being erased.")
	if strings.Contains(gone.body, `data-appid="`+string(testApp)) {
		t.Error("it is listed still")
	}
	if gone.path != "/accounts" {
		t.Errorf("at %s", gone.path)
	}
	b.get(page).holds(t, 404)
	b.get(base).holds(t, 404)
	b.get("/audit").holds(t, 200, "Account removed")
}
