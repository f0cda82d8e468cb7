package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestByKeyboardAlone is what an operator has the console for, without a mouse and in half
// a minute: find somebody by the team's remark, block them for a reason, see them on top
// of the list, and take it back.
func TestByKeyboardAlone(t *testing.T) {
	const most = 30 * time.Second
	for _, lang := range []string{"zh-CN", "en"} {
		t.Run(lang, func(t *testing.T) {
			s := serve(t)
			b := enter(t, s, lang)
			enterKey := func() { b.load("press Enter", chromedp.KeyEvent("\r")) }
			b.visit(account + "/followers")
			id := eval[string](b, `document.querySelector("input[name=openid][type=checkbox]:not(:disabled)").value`)
			b.visit(account + "/openids/" + id)
			b.tabTo("e.matches('.pencil')")
			b.key("\r")
			b.wait("document.activeElement.matches('dialog[open] #remark')")
			b.typed("Old Wang of the market")
			b.key("\r")
			b.wait("!document.querySelector('dialog[open]')")
			b.visit(account)

			begin := time.Now()
			b.slash()
			b.typed("wang of the")
			enterKey() // to the one who is called so
			b.tabTo("e.matches('#act')")
			b.key("\r")
			b.wait("document.activeElement.matches('dialog[open] #why')")
			b.typed("sells what is not his")
			enterKey()
			b.tabTo("e.matches('nav a[href=\"" + account + "/blacklist\"]')")
			enterKey()
			if top := eval[string](b, "document.querySelector('tr[data-openid]').dataset.openid"); top != id {
				t.Errorf("on top of the list is %s, not %s", top, id)
			}
			b.tabTo("e.matches('[data-undo]')")
			enterKey()
			if blacklist(t, s)[id] {
				t.Errorf("%s is still blocked", id)
			}
			took := time.Since(begin)
			t.Logf("%s: %v", lang, took)
			if took > most {
				t.Errorf("it takes %v, more than %v", took, most)
			}
			b.calm()
		})
	}
}
