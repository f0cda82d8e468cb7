package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// choose chooses an option of a list.
func (b *tab) choose(css, value string) {
	b.t.Helper()
	b.do("choose "+value+" in "+css, chromedp.SetValue(chromedp.CSS(css), value))
}

// Somebody is blocked for 7 days, others to a date; lists and the person's page say how
// long, the end is changed, and that is undone.
func TestEnds(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.follow("nav a[href='" + account + "/followers']")
	ids := b.tick(2)
	b.click("#act")
	b.fill("dialog[open] #why", "for a while")
	b.choose("dialog[open] #ends", "7")
	b.follow("dialog[open] #really")
	b.says("[data-notice=good]", "2 users are blocked.")
	person := account + "/openids/" + ids[0]
	b.visit(person)
	b.says("#ends-at", "7 days left")

	b.visit(account + "/blacklist")
	b.click("#ending summary")
	b.follow(`#ending a[href*="ends=7"]`)
	if rows := eval[int](b, `document.querySelectorAll("#rows tr").length`); rows != 2 {
		t.Errorf("%d end within 7 days, want 2", rows)
	}
	b.follow(`#rows a[href="` + person + `"]`)

	b.click("#amend")
	b.wait(`document.querySelector("dialog[open] #ends")`)
	if got := eval[string](b, `document.querySelector("dialog[open] #why").value`); got != "for a while" {
		t.Errorf("the reason stands as %q", got)
	}
	b.choose("dialog[open] #ends-on", time.Now().AddDate(0, 2, 0).Format(time.DateOnly))
	b.follow("dialog[open] #really")
	b.says("[data-notice=good]", "Reason and end are changed.")
	b.visit(person)
	b.says(".timeline", "Amended")
	b.follow(".timeline a[href*='/history/']")
	b.follow("#undo")
	b.says("#would", "1 user gets back the reason and the end that they had.")
	b.follow("#really")
	b.visit(person)
	b.says("#ends-at", "7 days left")

	for _, lang := range []string{"en", "zh-CN"} {
		b.visit(account)
		b.speak(lang)
		for _, l := range []look{
			at("ends-blacklist", account+"/blacklist"),
			{"ends-filter", func(b *tab) {
				b.visit(account + "/blacklist?ends=30")
				b.click("#ending summary")
			}},
			at("ends-person", person),
			{"ends-amend", func(b *tab) {
				b.visit(person)
				b.click("#amend")
				b.wait(`document.querySelector("dialog[open] #ends")`)
			}},
			{"ends-block", func(b *tab) {
				b.visit(account + "/followers")
				b.untick()
				b.tick(2)
				b.click("#act")
				b.wait(`document.querySelector("dialog[open] #ends")`)
			}},
			at("ends-history", account+"/history"),
		} {
			b.inspect(l, lang)
		}
	}
}
