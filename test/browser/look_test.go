package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
)

// long is a reason of the greatest length without a place to break it.
var long = strings.Repeat("inconsiderate", 23)

// look is a page, by how to come to it; a click that shows something once is part
// of that.
type look struct {
	name  string
	reach func(b *tab)
}

// at is a page that has an address.
func at(name, address string) look {
	return look{name, func(b *tab) { b.visit(address) }}
}

// wrongAt is a page whose answer is an error.
func wrongAt(name, address string) look {
	return look{name, func(b *tab) {
		b.allow(address)
		if status := b.visit(address); status < 400 {
			b.t.Errorf("%s: status %d, want an error", address, status)
		}
	}}
}

// scene is what the pages show: of all that there can be, something.
type scene struct {
	b                 *tab
	shop, change, job string // addresses
	draft, undone, id string
	undo, undoJob     string // a change and a job that undo others
	undoneJob         string
}

// set makes the scene: an account beside the demo, changes, jobs and operators.
func set(b *tab) *scene {
	b.t.Helper()
	c := &scene{b: b}
	b.visit("/accounts")
	b.fill("#new-account #name", "Shop 小店")
	b.follow("#new-account button")
	c.shop = strings.TrimPrefix(eval[string](b, "location.pathname"), "/accounts/")
	b.visit("/operators")
	b.fill("#new-operator #name", "vera")
	b.click("#new-operator input[value=viewer]")
	b.follow("#new-operator button")

	b.visit(account + "/followers")
	ids := b.tick(3)
	b.block(long)
	c.id = ids[1]
	b.visit(account + "/openids/" + ids[1])
	b.click("#act")
	b.follow("dialog[open] #really")
	c.change = b.second()
	c.undone = c.change + "/undo"

	b.draft(append(ids, "not an OpenID", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", unknown))
	c.draft = eval[string](b, "location.pathname")
	b.draft([]string{ids[1], unknown, "not an OpenID"})
	b.fill("#why", "a job")
	b.follow("#go")
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	c.job = eval[string](b, "location.pathname")

	b.visit(account + "/blacklist")
	b.tick(2)
	b.block("a slip")
	b.follow("[data-undo]")
	c.undo = b.newest()
	b.visit(account + "/followers")
	free := b.tick(1)
	b.untick()
	b.draft(free)
	b.follow("#go")
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	c.undoneJob = eval[string](b, "location.pathname")
	b.follow("#undo")
	b.follow("#really")
	b.wait("document.querySelector('#progress').dataset.state === 'done'")
	c.undoJob = eval[string](b, "location.pathname")
	return c
}

// draft pastes a list and comes to its preview.
func (b *tab) draft(lines []string) {
	b.t.Helper()
	b.visit(account + "/bulk")
	b.put("#list", strings.Join(lines, "\n"))
	b.follow("#preview")
}

// second returns the address of the second newest change.
func (b *tab) second() string {
	b.t.Helper()
	b.visit(account + "/history")
	return eval[string](b, "document.querySelectorAll('tr[data-seq]:not(.job) td:first-child a')[1].getAttribute('href')")
}

// unknown has the form of an OpenID of the demo account, and is nobody's.
const unknown = "o3sDe0AAAAAAAAAAAAAAAAAAAAAA"

// looks are the pages of somebody who has come in.
func (c *scene) looks() []look {
	follow := func(name, address, css string) look {
		return look{name, func(b *tab) { b.visit(address); b.follow(css) }}
	}
	return []look{
		at("overview", account), at("followers", account+"/followers"), at("followers-none", account+"/followers?q=o3sDe0AAAAAA"),
		{"block", func(b *tab) {
			b.visit(account + "/followers")
			b.untick()
			b.tick(3)
			b.click("#act")
			b.wait("document.querySelector('dialog[open] #why') === document.activeElement")
		}},
		at("blacklist", account+"/blacklist"), at("blacklist-filtered", account+"/blacklist?actor=demo&reason="+"flooding"),
		at("blacklist-none", account+"/blacklist?reason=nothing+of+the+kind"),
		{"taken", func(b *tab) {
			b.visit(account + "/blacklist?days=90&actor=api")
			b.untick()
			b.click("[data-all]")
			b.follow("#take")
		}},
		follow("history-pieces", account+"/history", "tr.job a"),
		{"unblock", func(b *tab) {
			b.visit(account + "/blacklist")
			b.untick()
			b.tick(1)
			b.click("#act")
			b.wait("document.querySelector('dialog[open] #why') === document.activeElement")
		}},
		at("bulk", account+"/bulk"), at("preview", c.draft), at("job", c.job), at("undo-job", c.job+"/undo"),
		at("history", account+"/history"), at("history-filtered", account+"/history?action=unblock"), at("history-none", account+"/history?actor=nobody"),
		at("change", c.change), at("change-many", account+"/history/1"), at("undo", c.undone),
		at("change-undone", c.change), at("change-undo", c.undo), at("redo", c.undo+"/undo"), at("job-undo", c.undoJob), at("job-undone", c.undoneJob), at("redo-job", c.undoJob+"/undo"),
		{"notice", func(b *tab) {
			b.visit(account + "/followers")
			b.untick()
			b.tick(2)
			b.block("spam")
		}},
		at("openid", account+"/openids/"+c.id), at("openid-unknown", account+"/openids/"+unknown),
		at("accounts", "/accounts"), at("account", "/accounts/"+c.shop),
		{"account-secret", func(b *tab) {
			b.visit("/accounts/" + c.shop)
			b.click("#rotate input[name=sure]")
			b.follow("#rotate button")
		}},
		at("empty-overview", "/a/"+c.shop), at("start", account+"/start"), at("empty-followers", "/a/"+c.shop+"/followers"),
		at("intake", "/a/"+c.shop+"/followers/change"),
		{"intake-plan", func(b *tab) {
			b.visit(account + "/followers/change")
			b.put("#list", strings.Join([]string{unknown, c.id, "not an OpenID", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"}, "\n"))
			b.follow("#preview")
		}},
		{"intake-refused", func(b *tab) {
			b.allow("/a/" + c.shop + "/followers/change")
			b.visit("/a/" + c.shop + "/followers/change")
			b.put("#list", unknown)
			b.follow("#preview")
		}},
		at("empty-blacklist", "/a/"+c.shop+"/blacklist"),
		at("empty-bulk", "/a/"+c.shop+"/bulk"), at("empty-history", "/a/"+c.shop+"/history"),
		at("operators", "/operators"), at("audit", "/audit"), at("operator", "/operators/vera"), follow("operators-link", "/operators/vera", "#reset button"),
		at("me", "/me"),
		{"me-second", func(b *tab) {
			b.visit("/me")
			if b.has("#totp-begin") { // else it waits for a code since the last time
				b.follow("#totp-begin button")
			}
		}},
		at("calls", "/calls"), wrongAt("missing", "/nothing/here"),
	}
}

func TestEveryPage(t *testing.T) {
	s := serve(t)
	c := set(enter(t, s, "en"))
	for _, lang := range []string{"zh-CN", "en"} {
		for _, l := range c.looks() {
			c.b.visit(account)
			c.b.speak(lang)
			c.b.inspect(l, lang)
		}
	}
}

// TestEveryPageOutside looks at the pages of those who have not come in.
func TestEveryPageOutside(t *testing.T) {
	s := serve(t)
	admin := enter(t, s, "en")
	password := "a phrase for the test alone"
	anna := newOperator(admin, "anna", "admin", password)
	anna.secondFactor()
	fresh, err := testserver.Start(binary, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fresh.Stop(); err != nil {
			t.Error(err)
		}
	})
	welcome, err := fresh.Link()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"zh-CN", "en"} {
		newcomer := browse(t, fresh.Base)
		for _, l := range []look{at("login-fresh", "/login"), at("welcome", welcome)} {
			newcomer.visit("/login")
			newcomer.speak(lang)
			newcomer.inspect(l, lang)
		}
		b := browse(t, s.Base)
		for _, l := range []look{
			at("login", "/login"), at("calls-outside", "/calls"), wrongAt("missing-outside", "/nothing/here"),
			at("password", resetLink(admin, "anna")),
			{"login-wrong", func(b *tab) { b.allow("/login"); b.login("nobody", "a wrong password") }},
			{"code", func(b *tab) { b.login("anna", password) }},
		} {
			b.visit("/login")
			b.speak(lang)
			b.inspect(l, lang)
		}
	}
}

// inspect comes to a page and holds it to what all have to keep: no complaint of
// the browser, nothing beside the screen of a phone, nothing that axe-core finds.
func (b *tab) inspect(l look, lang string) {
	b.t.Helper()
	b.t.Run(l.name+"/"+lang, func(t *testing.T) {
		old := b.t
		b.t = t
		defer func() { b.t = old }()
		b.size(1440, 900)
		b.scheme("light")
		l.reach(b)
		if got := eval[string](b, "document.documentElement.lang"); got != lang {
			t.Errorf("the page is in %q", got)
		}
		b.translated(lang)
		if again := eval[[]string](b, twice); len(again) != 0 {
			t.Errorf("ids that two elements have: %q", again)
		}
		if odd := eval[[]string](b, unknownMoods); len(odd) != 0 {
			t.Errorf("labels and notices in a mood that has no colour: %s", strings.Join(odd, "\n"))
		}
		b.do("load axe-core", chromedp.Evaluate[chromedp.Void](axe))
		b.accessible("wide", "{}")
		b.save(l.name, lang, "1440")
		b.scheme("dark")
		b.accessible("dark", `{runOnly: ["color-contrast"]}`)
		b.save(l.name, lang, "dark")
		b.scheme("light")
		b.size(390, 844)
		if over := eval[[]string](b, overflow); len(over) != 0 {
			t.Errorf("on a phone the page scrolls sideways: %s", strings.Join(over, "\n"))
		}
		b.accessible("on a phone", "{}")
		b.save(l.name, lang, "390")
		b.calm()
	})
}

// untick takes away the ticks that are still there from before.
func (b *tab) untick() {
	b.t.Helper()
	if eval[bool](b, "!document.querySelector('[data-clear]').disabled") {
		b.click("[data-clear]")
	}
}

// overflow lists what stands out of the screen to the right, if the page scrolls.
const overflow = `document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
	["width " + document.documentElement.scrollWidth].concat([...document.body.querySelectorAll("*")]
		.filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(-5).map(e => e.outerHTML.slice(0, 160)))`

// twice lists the ids that an element has after another: with a dialog open, what is meant
// for a field of it would come to one behind it.
const twice = `[...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)`

// unknownMoods lists the labels and notices with a class that the style sheet does not know.
const unknownMoods = `[...document.querySelectorAll(".label, .notice")]
	.filter(e => [...e.classList].some(c => c !== "label" && c !== "notice" && !["label", "notice"].some(kind => e.classList.contains(kind) &&
		[...document.styleSheets].some(sheet => [...sheet.cssRules].some(rule => rule.selectorText === "." + kind + "." + c)))))
	.map(e => e.outerHTML.slice(0, 160))`

// translated fails for an English page with Chinese in it, but for the names that
// are Chinese in both.
func (b *tab) translated(lang string) {
	b.t.Helper()
	if lang != "en" {
		return
	}
	text := eval[string](b, `document.body.innerText + " " + document.title`)
	for _, name := range []string{"简体中文", "Demo 演示", "Shop 小店", "公众号"} {
		text = strings.ReplaceAll(text, name, "")
	}
	for _, r := range text {
		if r >= 0x3000 {
			b.t.Errorf("Chinese on the English page, %q in %q", r, text)
			return
		}
	}
}

// accessible fails for each rule that axe-core, with some options, finds broken.
func (b *tab) accessible(how, options string) {
	b.t.Helper()
	type violation struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
	found := eval[[]violation](b, "axe.run(document, "+options+").then(r => r.violations)")
	for _, v := range found {
		for _, n := range v.Nodes {
			b.t.Errorf("axe-core, %s: %s, %s\n%s\n%s", how, v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// scheme has the browser prefer light or dark pages.
func (b *tab) scheme(name string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	b.do("set the colours", call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}))
}

// save takes a picture of the whole page, or of the screen where a dialog covers
// it, if somebody wants to look at it.
func (b *tab) save(name, lang, kind string) {
	b.t.Helper()
	dir := os.Getenv("MPBLOCK_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if b.has("dialog[open]") {
		picture, err = chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	}
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.png", name, lang, kind)), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
