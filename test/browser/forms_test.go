package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"mpblock/internal/testserver"
)

// self is an operator who sets what is their own.
type self struct {
	name, password string
	codes          []string // recovery codes, while a second factor is on
}

// anna is an operator of a server, and her tab.
func anna(t *testing.T, s *testserver.Server) (*self, *tab) {
	t.Helper()
	o := &self{name: "anna", password: "a phrase for the test alone"}
	b := newOperator(enter(t, s, "en"), o.name, "admin", o.password)
	b.speak("en")
	return o, b
}

// come logs in, with a recovery code if there is a second factor.
func (o *self) come(b *tab) {
	b.t.Helper()
	b.login(o.name, o.password)
	if len(o.codes) > 0 {
		o.code(b)
		b.follow("#recovery-form button")
	}
}

// code enters a recovery code.
func (o *self) code(b *tab) {
	b.t.Helper()
	b.click("#recovery summary")
	b.fill("#recovery-code", o.codes[0])
	o.codes = o.codes[1:]
}

// factor comes to the operator's page, with a second factor or without one.
func (o *self) factor(b *tab, on bool) {
	b.t.Helper()
	b.visit("/me")
	if b.has("#login") {
		o.come(b)
		b.visit("/me")
	}
	switch is := b.has("#totp-off"); {
	case on && !is:
		b.secondFactor()
		o.learn(b)
	case is && !on:
		b.fill("#totp-off #password", o.password)
		b.follow("#factor-off")
		o.codes = nil
	}
}

// learn notes the recovery codes that are shown.
func (o *self) learn(b *tab) {
	b.t.Helper()
	shown("#codes")(b)
	o.codes = strings.Fields(b.text("#codes"))
}

// secretDeeds have passwords and codes in them, which wait for nobody.
func (o *self) secretDeeds() []deed {
	next, n := "", 0
	off := func(b *tab) { o.factor(b, true); b.fill("#totp-off #password", o.password) }
	return []deed{
		{"a password", func(b *tab) {
			n++
			next = fmt.Sprintf("another phrase for the test, %d", n)
			b.visit("/me")
			b.fill("#old", o.password)
			b.fill("#new", next)
			b.fill("#again", next)
		}, "#my-password button", false, func(b *tab) { told(b); o.password = next }},
		{"a second factor begun", func(b *tab) { o.factor(b, false) }, "#totp-begin button", false, shown("#totp")},
		{"a second factor", func(b *tab) {
			o.factor(b, false)
			if b.has("#totp-begin") {
				b.follow("#totp-begin button")
			}
			code, err := totp.GenerateCode(b.text("#totp-key"), time.Now())
			if err != nil {
				b.t.Fatal(err)
			}
			b.fill("#totp #code", code)
		}, "#totp button", false, o.learn},
		{"recovery codes", off, "#new-codes", false, o.learn},
		{"no second factor", off, "#factor-off", false, func(b *tab) { told(b); o.codes = nil }},
	}
}

// endDeed ends a login that is begun elsewhere.
func (o *self) endDeed() deed {
	return deed{"the end of a login", func(b *tab) {
		o.factor(b, false)
		eval[bool](b, `fetch("/login", {method: "POST", credentials: "omit", body: new URLSearchParams({name: `+quote(o.name)+`, password: `+quote(o.password)+`})}).then(r => true)`)
		b.visit("/me")
	}, "[data-login]:has(form) button", false, told}
}

// loginDeeds come in. Each leaves the page of who was in before.
func (o *self) loginDeeds() []deed {
	in := shown(".side")
	return []deed{
		{"a login", func(b *tab) {
			o.factor(b, false)
			b.logout()
			b.visit("/login")
			b.fill("#name", o.name)
			b.fill("#password", o.password)
		}, "#enter", false, in},
		{"a login by a recovery code", func(b *tab) {
			o.factor(b, true)
			b.logout()
			b.login(o.name, o.password)
			o.code(b)
		}, "#recovery-form button", false, in},
	}
}

// all are the deeds of an operator for themselves.
func (o *self) all() []deed { return append(append(o.secretDeeds(), o.endDeed()), o.loginDeeds()...) }

// TestOwnForms: what an operator sets for themselves, and the way in, say that nothing was
// changed when there is no network or no server, and show on a slow one that they were pressed.
func TestOwnForms(t *testing.T) {
	s := serveTillKilled(t)
	o, b := anna(t, s)
	for _, d := range o.all() {
		d.offline(b, "Nothing was changed: try again.")
	}
	for _, d := range o.all() {
		d.slow(b)
	}
	b.calm()
	goneUnder(s, b, "Nothing was changed: try again.", o.all())
}

// TestLoginEndsUnderSecrets: passwords and codes are not kept when the login has ended, which
// a page says in words; nothing was changed, and can be after a new login.
func TestLoginEndsUnderSecrets(t *testing.T) {
	o, b := anna(t, serve(t))
	o.endDeed().loginEnds(b, o.name, o.password)
	for _, d := range o.secretDeeds() {
		d.begin(b)
		b.logout()
		b.follow(d.button)
		b.says("#ended", "Your login has ended")
		if b.has("[name=waiting]") {
			t.Errorf("%s: a secret waits", d.name)
		}
		b.forgive() // of the answer that says so
		o.come(b)
		d.begin(b)
		d.press(b, "e.click()")
	}
	b.calm()
}

// emulatorDeeds are those of the emulator's page.
func emulatorDeeds() []deed {
	on := func(then ...func(*tab)) func(*tab) {
		return func(b *tab) {
			b.visit("/emulator?live=off")
			for _, do := range then {
				do(b)
			}
		}
	}
	unless := func(css, button string) func(*tab) {
		return func(b *tab) {
			if !b.has(css) {
				b.follow(button)
				b.visit("/emulator?live=off")
			}
		}
	}
	name := func(b *tab) { b.fill("#snapshot", "before") }
	return []deed{
		{"a plan", on(), "#plan-strict", false, told},
		{"no plan", on(unless("#plan-end", "#plan-strict")), "#plan-end", false, told},
		{"a plan of one's own", on(func(b *tab) {
			b.click("#own summary")
			b.put("#plan", ownPlan)
		}), "#begin-own", false, shown("[data-rule=busy]")},
		{"a day", on(), "#clock-day", false, told},
		{"a time", on(func(b *tab) { b.put("#time", "2031-02-03T04:05") }), "#clock-set button", false, told},
		{"a clock that stands still", on(unless("#clock-freeze", "#clock-run")), "#clock-freeze", false, told},
		{"a snapshot", on(name), "#snapshot-save button", false, shown("[data-snapshot=before]")},
		{"back to a snapshot", on(func(b *tab) {
			if !b.has("[data-snapshot=before]") {
				name(b)
				b.follow("#snapshot-save button")
				b.visit("/emulator?live=off")
			}
		}), "[data-snapshot=before] button", false, told},
		{"changes by others", on(), "#drift button", false, told},
		{"a reset", on(func(b *tab) { b.click("#reset input") }), "#do-reset", false, told},
	}
}

// TestEmulatorForms is TestOwnForms on the emulator's page; a login that ends under them
// keeps what was entered.
func TestEmulatorForms(t *testing.T) {
	s := emulatorTillKilled(t)
	o, b := anna(t, s)
	for _, d := range emulatorDeeds() {
		d.offline(b, "Nothing was changed: try again.")
	}
	for _, d := range emulatorDeeds() {
		d.slow(b)
	}
	for _, d := range emulatorDeeds() {
		d.loginEnds(b, o.name, o.password)
	}
	b.calm()
	goneUnder(s, b, "Nothing was changed: try again.", emulatorDeeds())
}

// held is a platform that never answers a call that blocks.
func held(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cgi-bin/stable_token", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"TOKEN","expires_in":7200}`)
	})
	mux.HandleFunc("POST /cgi-bin/tags/members/getblacklist", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"total":0,"count":0,"data":{"openid":[]},"next_openid":""}`)
	})
	ended := make(chan struct{})
	mux.HandleFunc("POST /cgi-bin/tags/members/batchblacklist", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	})
	p := httptest.NewServer(mux)
	t.Cleanup(p.Close)
	t.Cleanup(func() { close(ended) })
	return p.URL
}

// TestStopAJob stops jobs that wait for a platform: offline, on a slow network, when the
// login has ended, and without a server.
func TestStopAJob(t *testing.T) {
	const app = "wx00000000000000aa"
	data, secret := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	platform := held(t)
	s := serveAt(t, data)
	out, code, err := testserver.Run(binary, "account", "add", "--data", data, "--appid", app, "--name", "Held",
		"--prefix", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", "--upstream", platform, "--upstream-secret-file", secret)
	if err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	o, b := anna(t, s)
	stop := deed{"the stop of a job", func(b *tab) {
		b.visit("/a/" + app + "/bulk")
		b.put("#list", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M\no6_bmjrPTlm6_2sgVt7hMZOPfL2Q")
		b.follow("#preview")
		b.follow("#go")
		b.do("wait for the job", chromedp.WaitVisible(chromedp.CSS("#stop")))
	}, "#stop", false, shown("[data-notice=mind]")}
	stop.offline(b, "Nothing was changed: try again.")
	stop.slow(b)
	stop.loginEnds(b, o.name, o.password)
	b.calm()
	goneUnder(s, b, "It may have been done", []deed{stop})
}
