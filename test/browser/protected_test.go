package browser

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestProtected has an admin protect somebody who is not blocked and somebody who is, and
// end the protection of one.
func TestProtected(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	page := "/accounts/" + strings.TrimPrefix(account, "/a/")
	protected := page + "/protected"
	blocked := blacklist(t, s)
	ids := []string{free(t, s, blocked)[0], slices.Sorted(maps.Keys(blocked))[0]}
	b.visit(page)
	b.follow("#protected")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(protected)
		b.speak(lang)
		b.inspect(at("protected-none", protected), lang)
	}
	b.size(1440, 900)
	b.visit(protected)
	b.put("#openids", strings.Join(ids, "\n"))
	b.click("#protect .primary") // the browser says what is missing
	if !eval[bool](b, "document.querySelector('#why').validity.valueMissing") {
		t.Error("nobody is asked why")
	}
	b.fill("#why", "staff of the shop")
	b.follow("#protect .primary")
	b.says("[data-protected="+ids[1]+"]", "blocked")
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(protected)
		b.speak(lang)
		b.inspect(at("protected", protected), lang)
	}
	b.size(1440, 900)
	b.visit(protected)
	b.follow("[data-protected=" + ids[1] + "] button")
	if b.has("[data-protected=" + ids[1] + "]") {
		t.Error("who is no more protected is listed")
	}

	person := account + "/openids/" + ids[1]
	b.inBoth("person-protect", func(b *tab) { b.visit(person); b.click("#protecting summary") })
	b.size(1440, 900)
	b.visit(person)
	b.tabTo("e.matches('#protecting summary')")
	b.key("\r")
	b.tabTo("e.matches('#protect-why')")
	b.typed("a partner")
	b.load("press Enter", chromedp.KeyEvent("\r"))
	b.says("#protected", "a partner")
	b.inBoth("person-protected-blocked", func(b *tab) { b.visit(person) })
	b.follow("#unprotect")
	if b.has("#protected") {
		t.Errorf("still protected\n%s", b.describe())
	}
	person = account + "/openids/" + ids[0]
	b.inBoth("person-protected", func(b *tab) { b.visit(person) })
	if b.has("#act") {
		t.Error("whom nobody can block can be blocked")
	}
}

// TestProtectedStayOut: of those who are ticked, whom nobody can block stays out of it and is
// named, what is refused of the others is asked again with what was entered, and what an
// undo would leave alone says why.
func TestProtectedStayOut(t *testing.T) {
	b := enter(t, serve(t), "en")
	followers, protected := account+"/followers", "/accounts/"+strings.TrimPrefix(account, "/a/")+"/protected"
	b.visit(followers)
	ids := b.tick(3)
	b.visit(protected)
	b.put("#openids", ids[0])
	b.fill("#why", "staff of the shop")
	b.follow("#protect .primary")
	b.inBoth("followers-protected", func(b *tab) { b.visit(followers) })
	if !eval[bool](b, `document.querySelector('input[value="`+ids[0]+`"]').disabled`) {
		t.Error("who is protected can be ticked")
	}
	ask := func(b *tab) {
		b.visit(followers)
		b.click("#act")
		b.do("wait for the dialog", chromedp.WaitVisible(chromedp.CSS("dialog[open] #kept-out")))
	}
	b.allow(account + "/block")
	refuse := func(b *tab) {
		ask(b)
		b.fill("dialog[open] #why", "spam")
		b.put("dialog[open] #ends-on", "2001-01-01")
		b.click("dialog[open] #really")
		b.wait(`document.querySelector("dialog[open] #refused") !== null && document.querySelector(".htmx-added, .htmx-settling") === null`)
	}
	for _, lang := range []string{"zh-CN", "en"} {
		b.visit(followers) // a dialog lies over the switch of the language
		b.speak(lang)
		b.inspect(look{name: "block-protected", reach: ask}, lang)
		b.inspect(look{name: "block-refused", reach: refuse}, lang)
		b.size(1440, 900)
	}
	refuse(b)
	b.says("dialog[open] #refused", "2001-01-01")
	if got := eval[string](b, `document.querySelector("dialog[open] #why").value + document.querySelector("dialog[open] #ends-on").value`); got != "spam2001-01-01" {
		t.Errorf("the dialog holds %q", got)
	}
	b.do("empty the date", chromedp.Evaluate[chromedp.Void](`document.querySelector("dialog[open] #ends-on").value = ""`))
	b.follow("dialog[open] #really")
	b.says("[data-notice=good]", "2 users")

	b.inBoth("preview-protected", func(b *tab) {
		b.visit(account + "/bulk")
		b.put("#list", strings.Join(ids, "\n"))
		b.follow("#preview")
	})
	if n := b.figure("#plan", "protected"); n != 1 {
		t.Errorf("%d are protected in the preview", n)
	}
	b.size(1440, 900)
	b.visit(account + "/openids/" + ids[1])
	b.click("#act")
	b.follow("dialog[open] #really")
	b.visit(protected)
	b.put("#openids", ids[1])
	b.fill("#why", "a partner")
	b.follow("#protect .primary")
	b.visit(account + "/history")
	b.follow("tbody tr:nth-child(1) a")
	b.follow("#undo")
	undo := eval[string](b, "location.pathname")
	b.inBoth("undo-protected", func(b *tab) { b.visit(undo) })
	b.says("#left-alone", ids[1])
	b.says("#left-alone .label", "Protected")
}
