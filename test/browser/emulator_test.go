package browser

import (
	"net/http"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

const ownPlan = "about: for one program\nrules:\n- name: busy\n  match: {path: '*/getblacklist', first: 1}\n  effect: {errcode: -1}\n"

// list calls getblacklist once.
func list(t *testing.T, s *testserver.Server) {
	t.Helper()
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":""}`); err != nil {
		t.Fatal(err)
	}
}

// emulatorTillKilled is emulator for a test that ends the server itself.
func emulatorTillKilled(t *testing.T) *testserver.Server {
	t.Helper()
	s, err := testserver.Start(binary, "serve", "--demo", "--demo-language", "en", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

// emulator starts a server with the demo that is one.
func emulator(t *testing.T) *testserver.Server {
	t.Helper()
	s := emulatorTillKilled(t)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestEmulatorPage bends the emulator and looks at its page as it does.
func TestEmulatorPage(t *testing.T) {
	s := emulator(t)
	b := enter(t, s, "en")
	b.visit("/emulator")
	b.follow("#plan-lost-answers")
	b.says("#bent", "fault plan lost-answers is active")
	if !b.has("#plan-lost-answers[aria-checked=true]") {
		t.Error("the switch is not on")
	}
	b.click("#own summary")
	b.put("#plan", strings.Replace(ownPlan, "effect", "efect", 1))
	b.allow("/emulator/plan#own")
	b.allow("/emulator/plan")
	b.follow("#begin-own")
	b.says("#mistake", "Line 5")
	b.put("#plan", ownPlan)
	b.follow("#begin-own")
	list(t, s)
	b.wait("document.querySelector('#struck-busy')?.innerText === '1' && document.querySelector('#calls tr[data-call]') !== null")
	b.click("#calls tbody tr:first-child a")
	b.wait("document.querySelector('dialog[open] #dialog-title') !== null")
	b.says("dialog[open]", "begin_openid")
	b.click("dialog[open] [data-close]")
	b.follow("#clock-day")
	b.follow("#clock-freeze")
	b.fill("#snapshot", "before")
	b.follow("#snapshot-save button")
	b.says("[data-snapshot=before]", "before")
	b.follow("#drift button")
	b.says(".notice.good", "3 blocked, 2 unblocked")

	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(account)
		b.speak(lang)
		for _, l := range []look{
			at("emulator", "/emulator?live=off"), at("emulator-none", "/emulator?live=off&errcode=40003"), at("emulator-banner", account),
			{"emulator-call", func(b *tab) {
				b.visit("/emulator?live=off")
				b.click("#calls tbody tr:first-child a")
				b.wait("document.querySelector('dialog[open] #dialog-title') !== null")
			}},
			{"emulator-mistake", func(b *tab) {
				b.visit("/emulator?live=off")
				b.click("#own summary")
				b.put("#plan", strings.Replace(ownPlan, "effect", "efect", 1))
				b.follow("#begin-own")
			}},
		} {
			b.inspect(l, lang)
		}
	}
	b.size(1440, 900)
	b.visit("/emulator")
	b.click("#reset input")
	b.follow("#do-reset")
	b.says(".notice.good", "The emulator is reset.")
	if !b.has("#bent[hidden]") || !b.has("#no-plan") {
		t.Errorf("something is bent still\n%s", b.describe())
	}
	b.inspect(at("emulator-fresh", "/emulator"), "en")
}

// TestEmulatorPageByKeyboard goes through a call and back by the Tab key and Escape, while
// the page writes itself anew.
func TestEmulatorPageByKeyboard(t *testing.T) {
	s := emulator(t)
	b := enter(t, s, "en")
	list(t, s)
	b.visit("/emulator")
	b.tabTo("e.matches('#plan-strict')")
	list(t, s)
	b.wait("document.querySelectorAll('#calls tr[data-call]').length === 4")
	if !eval[bool](b, "document.activeElement.matches('#plan-strict')") {
		t.Error("the focus is lost when the page changes")
	}
	b.tabTo("e.matches('#calls a')")
	at := eval[string](b, "document.activeElement.id")
	list(t, s)
	b.wait("document.querySelectorAll('#calls tr[data-call]').length === 6")
	if got := eval[string](b, "document.activeElement.id"); got != at {
		t.Errorf("the focus has moved from %s to %s", at, got)
	}
	b.key("\r")
	b.wait("document.querySelector('dialog[open] [data-close]') === document.activeElement")
}
