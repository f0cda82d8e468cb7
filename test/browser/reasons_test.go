package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestReasonsOfTheAccount has an admin write down reasons and ask for one: the dialog
// offers them first, and refuses to go on with none.
func TestReasonsOfTheAccount(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.visit("/accounts/" + strings.TrimPrefix(account, "/a/"))
	b.put("#reasons", "Fraud\nInsults")
	b.click("#settings input[name=required]")
	b.follow("#settings .primary")
	b.visit(account + "/followers")
	b.tick(2)
	b.click("#act")
	b.wait("document.querySelector('dialog[open] #why') === document.activeElement")
	if got := b.text("dialog .chips"); !strings.HasPrefix(got, "Fraud") {
		t.Errorf("the first chips are %q", got)
	}
	b.click("dialog #really") // the browser says what is missing
	if !eval[bool](b, "document.querySelector('dialog[open] #why').validity.valueMissing") {
		t.Error("the dialog asks for no reason")
	}
	b.click("dialog #kept button:nth-child(2)")
	b.follow("dialog #really")
	b.visit(account + "/blacklist")
	b.says("tbody tr", "Insults")
	b.draft(free(t, s, blacklist(t, s))[:2])
	b.click("#go") // the browser says what is missing
	if !eval[bool](b, "document.querySelector('#why').validity.valueMissing") {
		t.Error("the preview asks for no reason")
	}
	b.click("#kept button")
	b.follow("#go")
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	b.says("#main", "Fraud")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(account)
		b.speak(lang)
		b.inspect(look{"reasons-dialog", func(b *tab) {
			b.visit(account + "/followers")
			b.untick()
			b.tick(1)
			b.click("#act")
			b.wait("document.querySelector('dialog[open] #why') === document.activeElement")
		}}, lang)
	}
}

// TestRetiredAccount retires an account: its lists are there, and nothing on them can
// be pressed.
func TestRetiredAccount(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	page := "/accounts/" + strings.TrimPrefix(account, "/a/")
	b.visit(page)
	b.click("#retire input[name=sure]")
	b.follow("#do-retire")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(account)
		b.speak(lang)
		b.inspect(at("retired-blacklist", account+"/blacklist"), lang)
		b.inspect(at("retired-account", page), lang)
	}
	b.visit(account + "/blacklist")
	if !b.has("#retired") || b.has("#act") || !b.has("tr[data-openid]") {
		t.Errorf("the blacklist of a retired account shows %s", b.text("main"))
	}
	b.visit(account + "/history/1")
	if b.has("#undo") {
		t.Error("a change of a retired account can be undone")
	}
	b.visit("/accounts")
	b.says("tr[data-appid]", "Retired")
	b.visit(page)
	b.follow("#take-back")
	b.visit(account + "/followers")
	if b.has("#retired") || !b.has("#act") {
		t.Error("the account is not in use again")
	}
}

// TestRemovedAccount retires an account and removes it by its AppID, by keyboard alone.
func TestRemovedAccount(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	app := strings.TrimPrefix(account, "/a/")
	page := "/accounts/" + app
	b.visit(page)
	if b.has("#remove") {
		t.Error("an account in use can be removed")
	}
	b.click("#retire input[name=sure]")
	b.follow("#do-retire")
	b.allow(page + "/remove")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(page)
		b.speak(lang)
		b.inspect(look{"remove-wrong", func(b *tab) {
			b.visit(page)
			b.fill("#typed", "wx0")
			b.follow("#do-remove")
		}}, lang)
	}
	b.visit(page)
	b.tabTo("e.id === 'typed'")
	b.typed(app)
	b.load("press Enter", chromedp.KeyEvent("\r"))
	b.says("#main", "is removed. Its data is being erased.")
	if b.has("tr[data-appid='" + app + "']") {
		t.Error("it is listed still")
	}
	b.allow(page)
	if status := b.visit(page); status != 404 {
		t.Errorf("its page answers %d", status)
	}
}
