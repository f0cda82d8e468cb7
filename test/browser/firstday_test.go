package browser

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFirstDay is what the admin of a new account does: have the prefix read off a real
// OpenID, import followers, and paste the calls into a shell.
func TestFirstDay(t *testing.T) {
	for _, lang := range []struct{ code, prefix, plan, done, first string }{
		{"zh-CN", "前缀已识别", "将登记 2 位新粉丝", "已登记 2 位新粉丝", "开始使用"},
		{"en", "The prefix is set", "2 followers would be registered", "2 followers were registered", "First steps"},
	} {
		t.Run(lang.code, func(t *testing.T) {
			s := serve(t)
			b := enter(t, s, lang.code)
			b.visit("/accounts")
			b.fill("#new-account #name", strings.Repeat("A name that is long ", 3))
			b.follow("#new-account button")
			secret := b.text("#secret")
			shop := strings.TrimPrefix(eval[string](b, "location.pathname"), "/accounts/")
			b.visit("/a/" + shop)
			b.says("h1", lang.first)
			b.tabTo("e.id === 'openid'") // by keyboard, as far as the preview
			b.typed(" \"o6_bmjrPTlm6_2sgVt7hMZOPfL2M\",")
			b.load("press Enter", chromedp.KeyEvent("\r"))
			b.says("[data-notice=good]", lang.prefix)
			b.put("#list", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M\no6_bmjrPTlm6_2sgVt7hMZOPfL2Q\no6_bmjrPTlm6_2sgVt7hMZOPfL2M\n"+unknown)
			b.tabTo("e.id === 'preview'")
			b.load("press Enter", chromedp.KeyEvent("\r"))
			b.says("#main", lang.plan)
			if b.figure("#plan", "duplicate") != 1 || b.figure("#plan", "foreign") != 1 {
				t.Errorf("the preview is\n%s", b.describe())
			}
			b.follow("#go")
			b.says("[data-notice=good]", lang.done)
			b.follow("[data-notice=good] a")
			calls := strings.ReplaceAll(b.text("#calls"), "SECRET", secret)
			out, err := exec.CommandContext(t.Context(), "sh", "-c", calls).CombinedOutput()
			if err != nil {
				t.Fatalf("the calls fail (curl is to be on the PATH): %v\n%s", err, out)
			}
			if got := strings.Count(string(out), `"errcode":0`); got != 2 || !strings.Contains(string(out), `"total":2`) {
				t.Errorf("the calls answer\n%s\nto\n%s", out, calls)
			}
			b.visit("/a/" + shop + "/start")
			if b.has("[data-step=calls] .label.mind") || b.has("[data-step=followers] .label.mind") {
				t.Errorf("what was done is to do still\n%s", b.describe())
			}
			b.visit("/accounts")
			b.size(390, 844)
			if over := eval[[]string](b, overflow); len(over) != 0 {
				t.Errorf("a long name makes the page scroll sideways: %s", over)
			}
			b.save("accounts-long", lang.code, "390")
			b.size(1440, 900)
			if got := eval[int](b, `Math.max(...[...document.querySelectorAll("td.whole > *")].map(e => e.getClientRects().length))`); got != 1 {
				t.Errorf("an AppID or a link is broken over %d lines", got)
			}
			b.save("accounts-long", lang.code, "1440")
			b.calm()
		})
	}
}
