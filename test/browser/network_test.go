package browser

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
)

// conditions has the browser's network be another one from now on.
func (b *tab) conditions(offline bool, latency float64) {
	b.t.Helper()
	b.do("change the network",
		call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: offline, Latency: latency, DownloadThroughput: -1, UploadThroughput: -1}},
		}),
		call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, Latency: latency, DownloadThroughput: -1, UploadThroughput: -1}))
}

// deed is something that changes something: how a page comes to its button, the button,
// whether another page comes then, and what tells that it is done.
type deed struct {
	name   string
	open   func(*tab)
	button string
	stays  bool
	done   func(*tab)
}

// begin comes to the button, with the scripts of its page at work: without them a form
// leaves the page, as it should.
func (d deed) begin(b *tab) {
	b.t.Helper()
	d.open(b)
	b.wait(`document.readyState === "complete"`)
}

// press does something to the button, and waits for the page that comes then, if one does.
func (d deed) press(b *tab, script string) {
	b.t.Helper()
	step := chromedp.Evaluate[chromedp.Void](`(e => { ` + script + ` })(document.querySelector(` + quote(d.button) + `))`)
	if d.stays {
		b.do(d.name, step)
	} else {
		b.load(d.name, step)
	}
	d.done(b)
}

// offline presses the button without a network, which says that nothing was changed, and
// again when the network is back.
func (d deed) offline(b *tab, says string) {
	b.t.Helper()
	d.begin(b)
	b.conditions(true, 0)
	b.click(d.button)
	b.wait(`document.querySelector("[data-shown]") !== null`)
	if got := b.text("[data-shown]"); !strings.Contains(got, says) {
		b.t.Errorf("%s: offline the page says %q, want %q", d.name, got, says)
	}
	if b.has("[data-busy]") {
		b.t.Errorf("%s: the button cannot be pressed again", d.name)
	}
	b.conditions(false, 0)
	b.forgive() // of the network
	d.press(b, "e.click()")
}

// slow presses the button twice on a slow network: it shows that it was pressed, and once
// is done what it does.
func (d deed) slow(b *tab) {
	b.t.Helper()
	d.begin(b)
	b.conditions(false, 300)
	d.press(b, `e.click(); sessionStorage.busy = e.closest("form").hasAttribute("data-busy"); e.click()`)
	if !eval[bool](b, `sessionStorage.busy === "true"`) {
		b.t.Errorf("%s: nothing shows that the button was pressed", d.name)
	}
	if n := eval[int](b, `document.querySelectorAll("[data-notice]").length`); n > 1 {
		b.t.Errorf("%s: done %d times", d.name, n)
	}
	b.conditions(false, 0)
}

// gone presses the button when no server is there any more: the page stays, says what
// that means, and the button can be pressed again.
func (d deed) gone(b *tab, says string) {
	b.t.Helper()
	b.do("show the tab", call(page.BringToFront, cdp.Empty{}))
	b.click(d.button)
	b.wait(`document.querySelector("[data-shown]") !== null`)
	if got := b.text("[data-shown]"); !strings.Contains(got, says) {
		b.t.Errorf("%s: without a server the page says %q, want %q", d.name, got, says)
	}
	if b.has("[data-busy]") {
		b.t.Errorf("%s: the button cannot be pressed again", d.name)
	}
	b.forgive()
}

// logout ends the login under the page.
func (b *tab) logout() {
	b.t.Helper()
	eval[bool](b, `fetch("/logout", {method: "POST"}).then(r => r.ok)`)
}

// loginEnds presses the button when the login has ended: what was entered is kept, and
// goes on after a new login.
func (d deed) loginEnds(b *tab, name, password string) {
	b.t.Helper()
	d.begin(b)
	b.logout()
	b.follow(d.button)
	b.says("#ended", "what you entered is kept")
	b.forgive() // of the answer that says so
	b.fill("#name", name)
	b.fill("#password", password)
	b.follow("#enter")
	b.follow("#go-on")
	d.done(b)
}

// told is done when a notice says so.
func told(b *tab) {
	b.t.Helper()
	shown("[data-notice=good]")(b)
}

// shown is done when something is there.
func shown(css string) func(*tab) {
	return func(b *tab) {
		b.t.Helper()
		if !b.has(css) {
			b.t.Errorf("nothing tells that it is done\n%s", b.describe())
		}
	}
}

// deeds are those of an account's lists. Each leaves the page on which it is done.
func deeds() []deed {
	dialog := func(page string) func(*tab) {
		return func(b *tab) {
			b.visit(account + page)
			b.tick(2)
			// A machine that is slow: pressed before htmx has its form, a button leaves the page.
			b.do("slow htmx down", chromedp.Evaluate[chromedp.Void](`htmx.config.defaultSettleDelay = 300`))
			b.click("#act")
			b.wait(`document.querySelector("dialog[open] #really") !== null`)
		}
	}
	return []deed{
		{"block", dialog("/followers"), "dialog[open] #really", false, told},
		{"unblock", dialog("/blacklist"), "dialog[open] #really", false, told},
		{"undo from the notice", func(b *tab) { b.visit(account + "/followers") }, "[data-notice=good] [data-undo]", false, told},
		{"undo from its page", func(b *tab) { b.visit(b.newest()); b.follow("#undo") }, "#really", false, told},
		{"remark", func(b *tab) {
			b.visit(account + "/blacklist")
			b.click("tr[data-openid] .pencil")
			b.wait(`document.querySelector("dialog[open] #remark") !== null`)
			b.fill("#remark", "seen "+strings.Repeat("again ", 2))
		}, "dialog[open] #save-remark", true, func(b *tab) {
			b.wait(`!document.querySelector("dialog[open]")`)
			b.says("tr[data-openid] [data-remark]", "seen again")
		}},
		{"a list", func(b *tab) {
			b.visit(account + "/followers")
			free := eval[string](b, `document.querySelector("input[name=openid][type=checkbox]:not(:disabled)").value`)
			b.draft([]string{free})
		}, "#go", false, func(b *tab) {
			b.t.Helper()
			if !b.has("#report, #progress, [data-job]") {
				b.t.Errorf("no job has begun\n%s", b.describe())
			}
		}},
	}
}

// settingDeeds are those of admins, and of operators for themselves.
func settingDeeds() []deed {
	n := 0
	own := func(then ...string) func(*tab) { // an account of its own, and the way to a form of it
		return func(b *tab) {
			b.visit("/accounts")
			b.fill("#new-account #name", "Shop")
			b.follow("#new-account button")
			for _, css := range then {
				if strings.HasPrefix(css, "a") {
					b.follow(css)
				} else {
					b.click(css)
				}
			}
		}
	}
	return []deed{
		{"a new account", func(b *tab) { b.visit("/accounts"); b.fill("#new-account #name", "Shop") }, "#new-account button", false, shown("#secret-shown")},
		{"settings of an account", func(b *tab) { b.visit("/accounts/" + testserver.DemoAppID); b.fill("#reasons", "spam") }, "#settings button", false, told},
		{"a new secret", own("#rotate input"), "#rotate button", false, shown("#secret-shown")},
		{"retire an account", own("#retire input[type=checkbox]"), "#do-retire", false, told},
		{"make followers", own("a[href$='/start']", "#making summary"), "#mint button", false, told},
		{"the prefix of OpenIDs", func(b *tab) {
			own("a[href$='/start']")(b)
			b.fill("#set-prefix #openid", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M")
		}, "#set-prefix button", false, told},
		{"a new operator", func(b *tab) {
			n++
			b.visit("/operators")
			b.fill("#new-operator #name", "op"+strconv.Itoa(n))
		}, "#new-operator button", false, shown("#new-link")},
		{"rights of an operator", func(b *tab) { b.visit("/operators/op1"); b.click("#rights input[value=viewer]") }, "#rights button", false, told},
		{"rows of a page", func(b *tab) { b.visit("/me") }, "#my-rows button", false, told},
	}
}

// TestWaitLeaves: what is waited for may be of the page that comes while it is asked for.
func TestWaitLeaves(t *testing.T) {
	b := enter(t, serve(t), "en")
	b.visit("/calls")
	b.wait(`location.pathname !== "/calls" || (window.gone ||= (location.href = "/me", true), false)`)
	b.wait(`location.pathname === "/me"`)
}

// TestOffline: without a network, whatever was pressed says that nothing was changed, and
// can be pressed again when the network is back.
func TestOffline(t *testing.T) {
	for _, lang := range []struct{ code, says string }{{"en", "Nothing was changed: try again."}, {"zh-CN", "未做任何改动"}} {
		t.Run(lang.code, func(t *testing.T) {
			b := enter(t, serve(t), lang.code)
			for _, d := range append(deeds(), settingDeeds()...) {
				d.offline(b, lang.says)
			}
			b.calm()
		})
	}
}

// TestSlow: on a slow network a button shows that it was pressed, and what is pressed twice
// is done once.
func TestSlow(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	for _, d := range append(deeds(), settingDeeds()...) {
		d.slow(b)
	}
	b.calm()
}

// TestLoginEndsUnderEachForm: what was entered is kept, and goes on after the login.
func TestLoginEndsUnderEachForm(t *testing.T) {
	s := serve(t)
	password := "a phrase for the test alone"
	b := newOperator(enter(t, s, "en"), "anna", "admin", password)
	for _, d := range append(deeds(), settingDeeds()...) {
		if d.name != "undo from the notice" { // of a session that is over
			d.loginEnds(b, "anna", password)
		}
	}
	b.calm()
}
