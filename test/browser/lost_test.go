package browser

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
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

// besides opens another tab with the cookies of one.
func (b *tab) besides() *tab {
	b.t.Helper()
	other := &tab{t: b.t, base: b.base, expect: map[string]bool{}}
	other.open(chromedp.WithExistingBrowserContext(chromedp.FromContext(b.ctx).BrowserContextID))
	return other
}

// goneUnder comes to the button of each deed in a tab of its own, kills the server, and
// presses them all; says tells what that means.
func goneUnder(s *testserver.Server, b *tab, says string, all []deed) {
	b.t.Helper()
	b.visit("/me") // which asks for nothing by itself
	tabs := make([]*tab, len(all))
	for i, d := range all {
		tabs[i] = b.besides()
		d.begin(tabs[i])
	}
	if err := s.Kill(); err != nil {
		b.t.Fatal(err)
	}
	for i, d := range all {
		d.gone(tabs[i], says)
	}
}

// A server that is gone in the middle of any action is said, and what that means; the page
// stays, and the button can be pressed again.
func TestServerGoneUnderEachForm(t *testing.T) {
	t.Run("lists", func(t *testing.T) {
		all := deeds()
		for i, d := range all {
			if d.name == "undo from the notice" { // of something
				all[i].open = func(b *tab) { b.visit(account + "/followers"); b.tick(1); b.block("a slip") }
			}
		}
		s := serveTillKilled(t)
		goneUnder(s, enter(t, s, "en"), "It may have been done", all)
	})
	t.Run("settings", func(t *testing.T) {
		all := slices.DeleteFunc(settingDeeds(), func(d deed) bool { return d.name == "rights of an operator" }) // of one whom another deed makes
		s := serveTillKilled(t)
		goneUnder(s, enter(t, s, "en"), "Nothing was changed: try again.", all)
	})
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
	b.logout()
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
