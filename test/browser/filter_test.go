package browser

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// rows returns the OpenIDs of the rows of a list.
func (b *tab) rows() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll("tr[data-openid]")].map(e => e.dataset.openid)`)
}

// ticked returns the OpenIDs that are ticked on the page.
func (b *tab) ticked() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll("input[name=openid]:checked")].map(e => e.value)`)
}

// shiftClick clicks an element while Shift is held.
func (b *tab) shiftClick(css string) {
	b.t.Helper()
	b.do("scroll to "+css, chromedp.Evaluate[chromedp.Void]("document.querySelector("+quote(css)+").scrollIntoView({block: 'center'})"))
	at := eval[[]float64](b, "(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector("+quote(css)+").getBoundingClientRect())")
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		b.do("click "+css+" with Shift", call(input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1, Modifiers: int64(chromedp.ModifierShift),
		}))
	}
}

// TestFilterAndTakeAll: newest on top, a reason that is picked, and all that match in a job.
func TestFilterAndTakeAll(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	before := len(blacklist(t, s))
	b.visit(account + "/followers")
	ids := b.tick(2)
	b.block("brand new")
	b.visit(account + "/blacklist")
	if got := b.rows()[:2]; !slices.Equal(got, ids) {
		t.Errorf("on top are %q, want %q", got, ids)
	}
	b.follow("#sort-openid")
	if got := b.rows(); !slices.IsSorted(got) || eval[string](b, "document.querySelector('th[aria-sort]').innerText") != "OpenID ↑" {
		t.Errorf("by OpenID: %q", got)
	}
	b.follow("#sort-newest")

	b.click("#people summary")
	b.press("#people a", "demo", true)
	if got := b.rows(); len(got) != 50 || !slices.Equal(got[:2], ids) {
		t.Errorf("of demo, by hand and by seed: %q", got)
	}
	b.click("details#reasons summary")
	b.fill("#reason", "ABUSIVE")
	b.follow("details#reasons button")
	b.wait("!document.querySelector('#counted').hasAttribute('hx-get')")
	n := eval[string](b, "document.querySelector('#counted').innerText.split(' of ')[0]")
	if eval[bool](b, "document.querySelector('#take').offsetParent !== null") {
		t.Error("all can be taken before the page is")
	}
	b.click("[data-all]")
	b.says(".picks", "50 selected")
	b.says("#take", "Select all "+n)
	b.follow("#take")
	b.says("[data-notice=good]", "All "+n+" that match are in this list.")
	if got := b.figure("#plan", "new"); eval[string](b, "("+fmt.Sprint(got)+").toLocaleString('en')") != n {
		t.Errorf("the preview has %d, and the list %s", got, n)
	}
	if len(blacklist(t, s)) != before+2 {
		t.Error("a preview has changed the blacklist")
	}
}

// TestTicks: a range with Shift; what is ticked elsewhere can be seen; no focused row is
// under the bar.
func TestTicks(t *testing.T) {
	b := enter(t, serve(t), "en")
	b.visit(account + "/blacklist")
	ids := b.rows()
	b.click(`input[value="` + ids[3] + `"]`)
	b.shiftClick(`input[value="` + ids[9] + `"]`)
	if got := b.ticked(); !slices.Equal(got, ids[3:10]) {
		t.Errorf("ticked %q, want %q", got, ids[3:10])
	}
	b.shiftClick(`input[value="` + ids[7] + `"]`)
	if got := b.ticked(); !slices.Equal(got, ids[3:7]) {
		t.Errorf("after taking three away: %q, want %q", got, ids[3:7])
	}
	b.follow("#page-next")
	b.says(".picks", "4 selected")
	b.click("[data-elsewhere] summary")
	b.says("[data-elsewhere] .menu", ids[3])
	b.click("[data-drop='" + ids[3] + "']")
	b.says(".picks", "3 of them not on this page")
	b.key("\x1b")
	b.wait("!document.querySelector('[data-elsewhere]').open")
	under := eval[int](b, `[...document.querySelectorAll("input[name=openid]")].filter(e => {
		e.focus();
		return e.getBoundingClientRect().bottom > document.querySelector(".picks").getBoundingClientRect().top;
	}).length`)
	if under != 0 {
		t.Errorf("%d focused rows are under the bar", under)
	}
}

// TestListsLook holds the lists to what every page has to keep, with their menus open.
func TestListsLook(t *testing.T) {
	b := enter(t, serve(t), "en")
	b.visit(account + "/blacklist")
	open := func(name, address, css string) look {
		return look{name, func(b *tab) { b.visit(address); b.click(css + " summary") }}
	}
	for _, lang := range []string{"zh-CN", "en"} {
		b.size(1440, 900)
		b.visit(account)
		b.speak(lang)
		for _, l := range []look{
			at("followers", account+"/followers"), at("blacklist", account+"/blacklist"), at("history", account+"/history"),
			at("blacklist-filtered", account+"/blacklist?days=30&actor=demo&reason="+"flooding"),
			open("blacklist-reasons", account+"/blacklist?days=30", "details#reasons"), open("blacklist-people", account+"/blacklist", "#people"),
			open("history-range", account+"/history?from=2026-01-01", ".spans details"),
			{"blacklist-ticked", func(b *tab) { b.visit(account + "/blacklist?days=30"); b.untick(); b.click("[data-all]") }},
			{"blacklist-elsewhere", func(b *tab) {
				b.visit(account + "/blacklist")
				b.untick()
				b.tick(3)
				b.follow("#page-next")
				b.click("[data-elsewhere] summary")
			}},
		} {
			b.inspect(l, lang)
		}
	}
}

// TestToTheRows is how few keys there are between the top of a list and its first row.
func TestToTheRows(t *testing.T) {
	b := enter(t, serve(t), "en")
	for _, lang := range []string{"en", "zh-CN"} {
		b.speak(lang)
		for _, list := range []string{"/followers", "/blacklist"} {
			b.visit(account + list)
			for _, key := range []string{"\t", "\t", "\r", "\t"} {
				b.key(key)
			}
			if got := eval[string](b, "document.activeElement.closest('tr')?.dataset.openid ?? document.activeElement.outerHTML"); got != b.rows()[0] {
				t.Errorf("%s, %s: the focus is on %s", list, lang, got)
			}
		}
	}
}
