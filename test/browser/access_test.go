package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestRecoveryCodes sets up a second factor, logs in with a recovery code in place of
// the phone's, and sees that it is spent.
func TestRecoveryCodes(t *testing.T) {
	s := serve(t)
	password := "a phrase for the test alone"
	admin := enter(t, s, "en")
	anna := newOperator(admin, "anna", "admin", password)
	anna.secondFactor()
	codes := strings.Fields(anna.text("#codes"))
	if len(codes) != 10 {
		t.Fatalf("recovery codes %q", codes)
	}
	anna.visit("/me")
	if anna.has("#codes") {
		t.Error("the codes are shown again")
	}
	var b *tab
	for i, want := range []string{"/", "/login/code"} {
		b = browse(t, s.Base)
		b.visit("/login")
		b.speak("en")
		b.login("anna", password)
		b.click("#recovery summary")
		b.fill("#recovery-code", codes[2])
		if i > 0 {
			b.allow("/login/code")
		}
		b.follow("#recovery-form button")
		if got := eval[string](b, "location.pathname"); !strings.HasPrefix(got, want) || i == 0 && got == "/login/code" {
			t.Fatalf("with code %d the page is %s", i+1, got)
		}
	}
	if !eval[bool](b, "document.querySelector('#recovery').open") {
		t.Error("the form for recovery codes is shut after a wrong one")
	}
	anna.visit("/me")
	anna.says("#codes-left", "9 recovery codes are left")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit("/login")
		b.speak(lang)
		b.inspect(look{"code-recovery", func(b *tab) {
			b.login("anna", password)
			b.click("#recovery summary")
		}}, lang)
		anna.visit("/me")
		anna.speak(lang)
		anna.inspect(look{"me-recovery", func(b *tab) {
			b.visit("/me")
			b.fill("#totp-off #password", password)
			b.follow("#new-codes")
		}}, lang)
	}
}

// TestLogins ends a login from another one.
func TestLogins(t *testing.T) {
	s := serve(t)
	password := "a phrase for the test alone"
	admin := enter(t, s, "en")
	one := newOperator(admin, "anna", "operator", password)
	two, three := browse(t, s.Base), browse(t, s.Base)
	two.login("anna", password)
	three.login("anna", password)
	one.visit("/me")
	one.speak("en")
	if n := eval[int](one, "document.querySelectorAll('[data-login]').length"); n != 3 {
		t.Fatalf("%d logins are listed, want 3", n)
	}
	one.says("[data-login]:has(.label)", "This one")
	one.says("[data-login]", "Chrome · Linux")
	one.says("[data-login]", "127.0.0.1")
	one.follow("[data-login]:has(form) button")
	one.says("[data-notice]", "has ended")
	one.follow("#end-others")
	if n := eval[int](one, "document.querySelectorAll('[data-login]').length"); n != 1 {
		t.Errorf("%d logins are listed, want the own one", n)
	}
	for _, other := range []*tab{two, three} {
		other.visit("/me")
		if got := eval[string](other, "location.pathname"); got != "/login" {
			t.Errorf("a login that was ended sees %s", got)
		}
	}
}

// TestRowsOfAPage chooses another number of rows, which every list then has.
func TestRowsOfAPage(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.visit("/me")
	b.do("choose 20", chromedp.SetValue(chromedp.CSS("#rows"), "20"))
	b.follow("#my-rows button")
	for _, list := range []string{"/followers", "/blacklist"} {
		b.visit(account + list)
		if n := eval[int](b, "document.querySelectorAll('tr[data-openid]').length"); n != 20 {
			t.Errorf("%s has %d rows, want 20", list, n)
		}
	}
	b.follow("#page-next")
	if n := eval[int](b, "document.querySelectorAll('tr[data-openid]').length"); n != 20 {
		t.Errorf("the next page has %d rows, want 20", n)
	}
}

// TestTimesAndTitles reads times as they are spoken of, with the full one on hover, and
// the end of a job in the title.
func TestTimesAndTitles(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.visit(account + "/followers")
	b.tick(1)
	b.block("spam")
	b.visit(account + "/blacklist")
	if got := b.text("tr[data-openid] time"); got != "just now" && !strings.Contains(got, "minute") {
		t.Errorf("the newest entry is of %q", got)
	}
	if full := eval[string](b, "document.querySelector('tr[data-openid] time').title"); !strings.HasPrefix(full, "20") {
		t.Errorf("on hover it says %q", full)
	}
	if !eval[bool](b, "[...document.querySelectorAll('.openid')].every((e) => e.translate === false)") {
		t.Error("an OpenID may be translated")
	}
	if got := eval[string](b, "document.title"); !strings.Contains(got, "Demo") {
		t.Errorf("the title %q does not name the account", got)
	}
	b.draft(free(t, s, blacklist(t, s))[:3])
	b.follow("#go")
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	swap := "document.dispatchEvent(new CustomEvent('htmx:afterSwap', {detail: {target: document.body}})), document.title"
	if got := eval[string](b, "document.querySelector('#progress').setAttribute('hx-get', '#'), "+swap); !strings.HasPrefix(got, "100 % · Job") {
		t.Errorf("while it runs the title is %q", got)
	}
	if got := eval[string](b, "document.querySelector('#progress').removeAttribute('hx-get'), "+swap); !strings.HasPrefix(got, "Done · Job") {
		t.Errorf("once it is done the title is %q", got)
	}
	b.do("print", call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	if eval[bool](b, "document.querySelector('.side').checkVisibility()") {
		t.Error("the navigation is printed")
	}
}
