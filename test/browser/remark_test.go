package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestRemark: a person gets a remark in the list, is found by a part of it from another
// page, and is known by it in the blacklist.
func TestRemark(t *testing.T) {
	b := enter(t, serve(t), "en")
	for _, lang := range []string{"zh-CN", "en"} {
		b.size(1440, 900)
		b.visit(account + "/blacklist")
		b.speak(lang)
		id := b.rows()[3]
		pencil := "tr[data-openid='" + id + "'] .pencil"
		remark := map[string]string{"zh-CN": "卖鞋的小号", "en": "sells Shoes here"}[lang]

		b.click(pencil)
		b.wait("document.querySelector('dialog[open] #remark')")
		if got := b.focused(); got != "remark" {
			t.Errorf("the focus is on %q", got)
		}
		b.allow(account + "/openids/" + id + "/remark")
		b.fill("#remark", strings.Repeat("x", 31)) // refused, and nothing of it is lost
		b.click("#save-remark")
		b.wait("document.querySelector('dialog[open] .notice.bad')")
		b.fill("#remark", remark)
		b.fill("#remark-name", "Wang")
		b.click("#save-remark")
		b.wait("!document.querySelector('dialog[open]')")
		b.says("tr[data-openid='"+id+"'] [data-remark]", remark+" Wang")
		if got := eval[bool](b, "document.activeElement === document.querySelector(\""+pencil+"\")"); !got {
			t.Error("the focus does not come back to the pencil")
		}

		b.visit(account + "/bulk")
		b.slash()
		b.typed(map[string]string{"zh-CN": "小号", "en": "SHOES"}[lang])
		b.load("press Enter", chromedp.KeyEvent("\r"))
		if got := eval[string](b, "location.pathname"); got != account+"/openids/"+id {
			t.Errorf("the search leads to %s", got)
		}
		b.says("[data-remark]", remark)
		b.visit(account + "/blacklist?q=" + id[:20])
		b.says("tr[data-openid='"+id+"']", remark)

		for _, l := range []look{
			at("remark", account+"/openids/"+id+"/remark"), at("remarked", account+"/openids/"+id), at("remarks", account+"/remarks"),
			at("remark-list", account+"/blacklist"), at("remark-followers", account+"/followers"),
			{"remark-dialog", func(b *tab) {
				b.visit(account + "/blacklist")
				b.click(".pencil")
				b.wait("document.querySelector('dialog[open] #remark')")
			}},
		} {
			b.inspect(l, lang)
		}
	}
}
