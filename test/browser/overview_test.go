package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOverviewOfRanges reads values from the bars by pointer and by keyboard, and goes
// from a bar to the changes of its day.
func TestOverviewOfRanges(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	for _, lang := range []struct{ code, days string }{{"zh-CN", "最近 7 天"}, {"en", "The last 7 days"}} {
		b.visit(account)
		b.speak(lang.code)
		b.follow(".chart-panel nav a[href$='days=7']")
		b.says(".chart-panel h2", lang.days)
		if got := eval[int](b, "document.querySelectorAll('.bars li').length"); got != 7 {
			t.Errorf("7 days have %d places", got)
		}
		shown := `[...document.querySelectorAll(".bars .value")].filter(e => getComputedStyle(e).display !== "none").map(e => e.innerText)`
		if got := eval[[]string](b, shown); len(got) != 0 {
			t.Errorf("values show without a pointer: %q", got)
		}
		b.point(".bars li a")
		if got := eval[[]string](b, shown); len(got) != 1 || !strings.Contains(got[0], "-") {
			t.Errorf("under the pointer: %q", got)
		}
		b.point("h1")
		b.tabTo("e.matches('.bars a')")
		last := eval[[]string](b, shown)
		b.key(kb.ArrowLeft)
		before := eval[[]string](b, shown)
		if len(last) != 1 || len(before) != 1 || last[0] == before[0] {
			t.Errorf("with the focus: %q, and a day before: %q", last, before)
		}
		if got := eval[int](b, "[...document.querySelectorAll('.bars a')].filter(e => e.tabIndex === 0).length"); got != 1 {
			t.Errorf("the bars are %d stops of the Tab key, want 1", got)
		}
		b.load("press Enter", chromedp.KeyEvent("\r"))
		if got := eval[int](b, "document.querySelectorAll('tr[data-seq]').length"); got == 0 {
			t.Errorf("the bar leads to no change\n%s", b.describe())
		}
		b.calm()
	}
	b.visit(account)
	b.follow("[data-figure=blocked] a")
	b.says("h1", "Blacklist")
}

// point moves the pointer to the middle of an element.
func (b *tab) point(css string) {
	b.t.Helper()
	at := eval[[]float64](b, `(r => [r.left + r.width / 2, r.top + r.height / 2])(document.querySelector(`+quote(css)+`).getBoundingClientRect())`)
	b.do("point at "+css, call(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: at[0], Y: at[1]}))
}

// TestLabelsOfTheChart holds the numbers and days beside the bars to being whole, on a
// phone and on a page that is enlarged to twice its size.
func TestLabelsOfTheChart(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	for _, days := range []string{"7", "30", "90"} {
		for name, size := range map[string][2]int64{"phone": {390, 844}, "200 %": {720, 450}} {
			b.visit(account + "?days=" + days)
			b.size(size[0], size[1])
			cut := eval[[]string](b, `[...document.querySelectorAll(".axis span, .names span")].filter(e => {
				const range = document.createRange();
				range.selectNodeContents(e);
				const text = range.getBoundingClientRect(), panel = e.closest(".panel").getBoundingClientRect();
				const next = e.parentElement.matches(".names") && e.nextElementSibling;
				if (next) range.selectNodeContents(next);
				return text.width === 0 || text.left < panel.left || text.right > panel.right || next && range.getBoundingClientRect().left < text.right;
			}).map(e => e.innerText)`)
			if len(cut) != 0 {
				t.Errorf("%s days, %s: cut or over one another: %q", days, name, cut)
			}
			if over := eval[[]string](b, overflow); len(over) != 0 {
				t.Errorf("%s days, %s: the page scrolls sideways: %q", days, name, over)
			}
			b.save("overview-"+days, "en", strings.NewReplacer(" ", "", "%", "", ",", "-").Replace(name))
		}
		b.size(1440, 900)
	}
}
