package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"mpblock/internal/testserver"
)

// TestWithoutScripts looks at what dialogs hold where there are no scripts: pages of their own.
func TestWithoutScripts(t *testing.T) {
	b := enter(t, serve(t), "en")
	plain := func(page, css string) func(*tab) {
		return func(b *tab) {
			b.scripts(true) // by which language and looks are known
			b.visit(account + page)
			ids := eval[[]string](b, `[...document.querySelectorAll("input[name=openid][type=checkbox]")].map(e => e.value)`)
			b.untick()
			b.tick(2)
			b.scripts(false)
			defer b.scripts(true)
			if css == "#amend" {
				b.visit(account + "/openids/" + ids[0])
			}
			b.follow(css)
			if b.has(".chips") && eval[bool](b, "document.querySelector('.chips').checkVisibility()") {
				t.Errorf("%s shows buttons that do nothing without scripts", page)
			}
		}
	}
	b.allow(account + "/block")
	refused := func(b *tab) {
		b.scripts(true)
		b.visit(account + "/followers")
		b.untick()
		b.tick(2)
		b.scripts(false)
		defer b.scripts(true)
		b.follow("#act")
		b.fill("#why", "spam")
		b.put("#ends-on", "2001-01-01")
		b.follow("#really")
		b.says("#refused", "2001-01-01")
	}
	for _, l := range []struct {
		name, first string
		reach       func(*tab)
	}{
		{"plain-refused", "really", refused},
		{"plain-block", "really", plain("/followers", "#act")}, {"plain-unblock", "really", plain("/blacklist", "#act")},
		{"plain-amend", "really", plain("/blacklist", "#amend")}, {"plain-remark", "save-remark", plain("/blacklist", "tr[data-openid] .pencil")},
	} {
		b.inBoth(l.name, l.reach)
		if got := eval[string](b, "document.querySelector('main .actions').firstElementChild.id"); got != l.first {
			t.Errorf("%s: the first button is %q", l.name, got)
		}
		b.size(1440, 900)
	}
}

// TestForbidden looks at what somebody sees whose role is too low.
func TestForbidden(t *testing.T) {
	admin := enter(t, serve(t), "en")
	admin.visit(account + "/bulk")
	admin.put("#list", unknown)
	admin.follow("#preview")
	list := eval[string](admin, "location.pathname")
	b := newOperator(admin, "vera", "viewer", "a phrase for the test alone")
	b.inBoth("preview-viewer", func(b *tab) { b.visit(list) })
	if b.has("#start") || b.has("#drop") {
		t.Error("who may not start a list is asked to")
	}
	b.allow("/operators")
	b.inBoth("forbidden", func(b *tab) { b.visit("/operators") })
	b.says("#message", "Your role does not allow it")
}

// TestLoginEndsInBothLanguages looks at a form that waits for a login, and at what then goes on.
func TestLoginEndsInBothLanguages(t *testing.T) {
	password := "a phrase for the test alone"
	b := newOperator(enter(t, serve(t), "en"), "anna", "admin", password)
	in := func(b *tab) {
		if b.visit("/me"); b.has("#login") {
			b.login("anna", password)
		}
	}
	ended := func(begin func(*tab), button string) func(*tab) {
		return func(b *tab) {
			in(b)
			begin(b)
			b.logout()
			b.follow(button)
			b.forgive()
		}
	}
	on := func(waits func(*tab)) func(*tab) {
		return func(b *tab) {
			waits(b)
			b.fill("#name", "anna")
			b.fill("#password", password)
			b.follow("#enter")
		}
	}
	block := ended(func(b *tab) {
		b.visit(account + "/followers")
		b.untick()
		b.tick(2)
		b.click("#act")
		b.fill("dialog[open] #why", "spam & more")
	}, "dialog[open] #really")
	file := ended(func(b *tab) {
		b.visit(account + "/bulk")
		b.put("#list", unknown)
	}, "#preview")
	rename := ended(func(b *tab) { b.visit("/accounts/" + testserver.DemoAppID) }, "#settings button")
	secret := ended(func(b *tab) {
		b.visit("/me")
		b.fill("#old", password)
		b.fill("#new", "another phrase for it")
		b.fill("#again", "another phrase for it")
	}, "#my-password button")
	// Languages are those of the login, which a form that waits does not change.
	for _, lang := range []string{"zh-CN", "en"} {
		in(b)
		b.speak(lang)
		for _, l := range []look{{"login-kept", block}, {"login-ended", secret}, {"again-block", on(block)}, {"again-file", on(file)}, {"again-form", on(rename)}} {
			b.inspect(l, lang)
		}
	}
}

// TestWebhookStates looks at webhooks to which messages came, that are refused, and that have stopped.
func TestWebhookStates(t *testing.T) {
	status := atomic.Int32{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(receiver.Close)
	s, err := testserver.Start(binary, "serve", "--demo", "--demo-language", "en", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0", "--webhook-private")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	b := enter(t, s, "en")
	page := "/accounts/" + strings.TrimPrefix(account, "/a/")
	hooks := page + "/webhooks"
	until := func(css string) { // a page that does not write itself anew
		t.Helper()
		b.wait(`fetch(location.href).then(r => r.text()).then(text => new DOMParser().parseFromString(text, "text/html").querySelector(` + quote(css) + `) !== null)`)
	}
	add := func(name string) {
		b.visit(hooks)
		b.fill("#new-webhook #name", name)
		b.fill("#new-webhook #url", receiver.URL+"/hooks/blacklist")
		b.follow("#new-webhook .primary")
	}
	block := func() {
		b.visit(account + "/followers")
		b.untick()
		b.tick(1)
		b.block("spam")
	}
	status.Store(http.StatusNoContent)
	add("crm")
	b.inBoth("webhook-unused", func(b *tab) { b.visit(hooks + "/crm") })
	b.size(1440, 900)
	b.visit(page + "/protected")
	b.put("#openids", unknown)
	b.fill("#why", "staff of the shop")
	b.follow("#protect .primary")
	b.follow("[data-protected] button")
	block()
	b.visit(hooks + "/crm")
	until("[data-delivery]:nth-child(3)")
	b.follow("#test button")
	b.inBoth("webhook-taken", func(b *tab) { b.visit(hooks + "/crm") })
	b.says(".head .label", "Works")
	b.size(1440, 900)
	b.visit(hooks + "/crm")
	b.follow("[data-delivery] button")
	b.says("[data-notice=good]", "Taken (204)")

	status.Store(http.StatusServiceUnavailable)
	block()
	b.visit(hooks + "/crm")
	until(".head .label.mind")
	b.inBoth("webhook-failing", func(b *tab) { b.visit(hooks + "/crm") })
	b.size(1440, 900)
	b.visit("/emulator?live=off")
	b.follow("#clock-day")
	b.visit(hooks + "/crm")
	until("#resume")
	status.Store(http.StatusGone)
	add("shop")
	block()
	b.visit(hooks + "/shop")
	until("#resume")
	b.inBoth("webhook-failed", func(b *tab) { b.visit(hooks + "/crm") })
	b.says(".notice.bad", "24 hours")
	b.inBoth("webhook-gone", func(b *tab) { b.visit(hooks + "/shop") })
	b.says(".notice.bad", "410")
	b.inBoth("webhooks-stopped", func(b *tab) { b.visit(hooks) })
	status.Store(http.StatusNoContent)
	b.size(1440, 900)
	b.visit(hooks + "/shop")
	b.follow("#resume button")
	b.says("[data-notice=good]", "It goes on.")
}
