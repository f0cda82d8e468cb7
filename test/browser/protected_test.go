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
