package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// forgive drops what the browser has complained of so far: the test has caused it.
func (b *tab) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = nil
}

// A server that is gone is said, and what that means for what was about to be done.
func TestServerGone(t *testing.T) {
	for _, lang := range []struct{ name, before, after string }{
		{"en", "Nothing was changed: try again.", "It may have been done"},
		{"zh-CN", "未做任何改动", "不确定是否已生效"},
	} {
		s := serveTillKilled(t)
		b := enter(t, s, lang.name)
		b.visit(account + "/followers")
		b.tick(1)
		b.click("#act")
		b.do("wait for the dialog", chromedp.WaitVisible(chromedp.CSS("dialog[open] #really")))
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		b.click("dialog[open] #really")
		b.wait(`document.querySelector("dialog[open] [data-shown]") !== null`)
		b.says("dialog[open] [data-shown]", lang.after)
		b.click("dialog[open] [data-close]")
		b.click("#act")
		b.wait(`document.querySelector("main > [data-shown]") !== null`)
		b.says("main > [data-shown]", lang.before)
		if eval[bool](b, `document.querySelector("[data-busy]") !== null`) {
			t.Error("a button cannot be pressed again")
		}
		b.forgive()
	}
}

// A server that is gone in the middle of any action is said, and what that means; the page
// stays, and the button can be pressed again.
func TestServerGoneUnderEachForm(t *testing.T) {
	gone := func(d deed, prepare func(*tab), want string) {
		t.Run(d.name, func(t *testing.T) {
			s := serveTillKilled(t)
			b := enter(t, s, "en")
			prepare(b)
			d.begin(b)
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			b.click(d.button)
			b.wait(`document.querySelector("[data-shown]") !== null`)
			b.says("[data-shown]", want)
			if eval[bool](b, `document.querySelector("[data-busy]") !== null`) {
				t.Error("the button cannot be pressed again")
			}
			b.forgive()
		})
	}
	for _, d := range deeds() {
		prepare := func(*tab) {}
		if d.name == "undo from the notice" { // of something
			prepare = func(b *tab) { b.visit(account + "/followers"); b.tick(1); b.block("a slip") }
		}
		gone(d, prepare, "It may have been done")
	}
	for _, d := range settingDeeds() {
		if d.name != "rights of an operator" { // of one whom another deed makes
			gone(d, func(*tab) {}, "Nothing was changed: try again.")
		}
	}
}

// Who presses twice does it once.
func TestPressedTwice(t *testing.T) {
	s := serve(t)
	before := len(blacklist(t, s))
	b := enter(t, s, "en")
	b.visit(account + "/followers")
	b.tick(2)
	b.click("#act")
	b.do("wait for the dialog", chromedp.WaitVisible(chromedp.CSS("dialog[open] #really")))
	b.load("press twice", chromedp.Evaluate[chromedp.Void](`document.querySelector("#really").click(), document.querySelector("#really")?.click()`))
	if notices := eval[int](b, `document.querySelectorAll("[data-notice]").length`); notices != 1 {
		t.Errorf("%d notices", notices)
	}
	b.says("[data-notice=good]", "2 users are blocked.")
	if after := len(blacklist(t, s)); after != before+2 {
		t.Errorf("%d blocked, were %d", after, before)
	}
	b.visit(account + "/history")
	b.calm()
}

// A login that ends under a dialog is begun anew, and what was entered goes on.
func TestLoginEndsUnderADialog(t *testing.T) {
	s := serve(t)
	password := "a phrase for the test alone"
	b := newOperator(enter(t, s, "en"), "anna", "operator", password)
	b.visit(account + "/followers")
	ids := b.tick(2)
	b.click("#act")
	b.fill("dialog[open] #why", "spam & more")
	eval[bool](b, `fetch("/logout", {method: "POST"}).then(r => r.ok)`)
	b.allow(account + "/block")
	b.follow("dialog[open] #really")
	b.says("#ended", "what you entered is kept")
	b.fill("#name", "anna")
	b.fill("#password", password)
	b.follow("#enter")
	b.says("#main", "spam & more")
	b.follow("#go-on")
	b.says("[data-notice=good]", "2 users are blocked.")
	b.visit(account + "/openids/" + ids[1])
	b.says("#main", "spam & more")
	b.calm()
}
