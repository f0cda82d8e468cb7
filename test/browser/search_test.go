package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// focused returns the id of the element that has the focus.
func (b *tab) focused() string {
	b.t.Helper()
	return eval[string](b, "document.activeElement.id")
}

// TestSearchByKey: from any page, by keyboard alone, to whom a message is from.
func TestSearchByKey(t *testing.T) {
	b := enter(t, serve(t), "en")
	for _, lang := range []string{"zh-CN", "en"} {
		b.size(1440, 900)
		b.visit(account + "/followers")
		b.speak(lang)
		id := eval[string](b, "document.querySelector('tr[data-openid]').dataset.openid")
		for i, page := range []string{account, account + "/bulk", account + "/history", "/accounts", "/me"} {
			b.visit(page)
			if i%2 == 0 {
				b.slash()
			} else {
				b.do("press Ctrl-K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			}
			if got := b.focused(); got != "find" {
				t.Fatalf("%s: the key leads to %q", page, got)
			}
		}
		b.typed(`  openid="` + id + `" `)
		b.load("press Enter", chromedp.KeyEvent("\r"))
		if got := eval[string](b, "location.pathname"); got != account+"/openids/"+id {
			t.Errorf("the search leads to %s", got)
		}
		for _, l := range []look{
			at("search", account+"/search?q="+id[:7]), at("search-none", account+"/search?q=nobody+at+all"), at("search-empty", account+"/search"),
			at("search-several", account+"/search?q="+id+","+unknown), at("search-strange", account+"/search?q="+strings.Repeat("oABCDEFG", 4)[:28]),
		} {
			b.inspect(l, lang)
		}
	}
}
