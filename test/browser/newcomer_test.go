package browser

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// TestNewcomer is what somebody does who has just heard of mpblock: start the demo,
// open its link, block a follower with a reason, and find it on the blacklist.
func TestNewcomer(t *testing.T) {
	for _, lang := range []struct{ code, followers, block, done string }{
		{"zh-CN", "已关注", "加入黑名单", "已将 1 人加入黑名单。"},
		{"en", "Followers", "Block", "1 user is blocked."},
	} {
		t.Run(lang.code, func(t *testing.T) {
			began := time.Now()
			s := serve(t)
			b := enter(t, s, lang.code)
			b.press("nav a", lang.followers, true)
			ids := b.tick(1)
			b.press(".picks button", lang.block, false)
			b.fill("dialog[open] #why", "advertising 广告")
			b.press("dialog[open] button", lang.block, true)
			b.says("[data-notice=good]", lang.done)
			b.visit(account + "/openids/" + ids[0])
			b.says("#main", "advertising 广告")
			took := time.Since(began)
			t.Logf("from the start of the server to a blocked follower: %s", took.Round(time.Millisecond))
			if took > 5*time.Minute {
				t.Errorf("it took %s, want less than a minute, and five on a busy machine", took)
			}
			if !blacklist(t, s)[ids[0]] {
				t.Errorf("%s is not blocked, says the API", ids[0])
			}
		})
	}
}

// press clicks the element that bears a text, as somebody does who reads. follow
// says that it leads to another page.
func (b *tab) press(css, text string, follow bool) {
	b.t.Helper()
	texts := eval[[]string](b, `[...document.querySelectorAll(`+quote(css)+`)].map(e => e.innerText.trim())`)
	i := slices.Index(texts, text)
	if i < 0 {
		b.t.Fatalf("of %s there is none with the text %q, but %q", css, text, texts)
	}
	eval[bool](b, `document.querySelectorAll(`+quote(css)+`)[`+strconv.Itoa(i)+`].toggleAttribute("data-pressed", true)`)
	if follow {
		b.follow("[data-pressed]")
	} else {
		b.click("[data-pressed]")
		eval[bool](b, `document.querySelector("[data-pressed]").toggleAttribute("data-pressed", false)`)
	}
}

// TestMarkupInReason holds a reason with markup to being text wherever it shows.
func TestMarkupInReason(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	const reason = "<script>alert(1)</script>"
	b.visit(account + "/followers")
	ids := b.tick(1)
	b.block(reason)
	b.visit(account + "/history")
	change := eval[string](b, "document.querySelector('tr[data-seq]:not(.job) a').getAttribute('href')")
	for _, address := range []string{
		account, account + "/history", change, change + "/undo", account + "/blacklist?q=" + ids[0][:20], account + "/openids/" + ids[0],
	} {
		b.visit(address)
		b.says("#main", reason)
		if eval[int](b, "document.querySelectorAll('main script').length") != 0 {
			t.Errorf("%s has a script of an operator's", address)
		}
	}
	b.visit(account + "/followers")
	b.tick(1)
	b.click("#act")
	b.wait("document.querySelector('dialog[open] .chips') !== null")
	b.says("dialog[open] .chips", reason) // among the earlier reasons
}

// TestKeyboard blocks a follower without a mouse.
func TestKeyboard(t *testing.T) {
	s := serve(t)
	b := enter(t, s, "en")
	b.visit(account)
	b.slash()
	b.wait("document.activeElement.id === 'find'")
	b.typed("o3sDe0A-")
	b.load("press Enter", chromedp.KeyEvent("\r"))
	b.tabTo("e.matches('[data-group=followers] .pager a')")
	b.load("press Enter", chromedp.KeyEvent("\r"))
	free := eval[string](b, `document.querySelector("input[name=openid][type=checkbox]:not(:disabled)").value`)
	b.tabTo(`e.value === ` + quote(free))
	b.key(" ")
	b.tabTo("e.id === 'act'")
	b.key("\r")
	b.wait("document.activeElement.matches('dialog[open] #why')")
	b.typed("by hand")
	b.key("\x1b")
	b.wait("document.querySelector('dialog[open]') === null")
	b.tabTo("e.id === 'act'")
	b.key("\r")
	b.wait("document.activeElement.matches('dialog[open] #why')")
	b.typed("by keyboard")
	b.load("press Enter", chromedp.KeyEvent("\r"))
	b.says("[data-notice=good]", "1 user is blocked.")
	if !blacklist(t, s)[free] {
		t.Errorf("%s is not blocked, says the API", free)
	}
}

// key presses a key.
func (b *tab) key(key string) {
	b.t.Helper()
	b.do("press "+quote(key), chromedp.KeyEvent(key))
}

// slash presses "/" as a keyboard does: what the page prevents types nothing.
func (b *tab) slash() {
	b.t.Helper()
	b.do("press /",
		call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/"}),
		call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: "/", Code: "Slash"}))
}

// typed types into what has the focus.
func (b *tab) typed(text string) {
	b.t.Helper()
	b.do("type "+text, chromedp.KeyEvent(text))
}

// tabTo presses the tabulator until what has the focus is e.
func (b *tab) tabTo(e string) {
	b.t.Helper()
	for range 200 {
		b.key("\t")
		if eval[bool](b, `(e => `+e+`)(document.activeElement)`) {
			return
		}
	}
	b.t.Fatalf("200 times the tabulator does not come to %s\n%s", e, b.describe())
}
