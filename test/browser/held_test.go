package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
)

// small is a platform with one account, of which 40 are blocked.
type small struct {
	t *testing.T
	*testserver.Server
	app, secret string
}

func smallPlatform(t *testing.T) small {
	t.Helper()
	p := small{t, nil, "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"}
	seed := filepath.Join(t.TempDir(), "platform.yaml")
	err := os.WriteFile(seed, []byte("accounts:\n- appid: "+p.app+"\n  secret: "+p.secret+"\n  followers: 100\n  blacklist: [{count: 40}]\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p.Server, err = testserver.Start(binary, "serve", "--seed", seed, "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// command bends the platform.
func (p small) command(args ...string) {
	p.t.Helper()
	args = append(append([]string{"emulator"}, args...), "--control", p.Control)
	if out, err := exec.CommandContext(p.t.Context(), binary, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// join adds the account of a platform by the form.
func (b *tab) join(p small) {
	b.t.Helper()
	b.visit("/accounts/platform")
	b.put("#url", p.Base)
	b.put("#appid", p.app)
	b.follow("#next")
	b.put("#secret", p.secret)
	b.follow("#next")
	b.follow("#next")
	b.put("#name", "Shop 小店")
	b.follow("#next")
	b.says("#connection", "40 on it")
}

// TestHeldList is a list that has shrunk on the platform and waits for a person, who decides
// with the keyboard alone, on a phone and without JavaScript: leaves it, or takes it over and
// puts back on the platform who is missing.
func TestHeldList(t *testing.T) {
	p := smallPlatform(t)
	b := gateway(t)
	b.join(p)
	page := "/a/" + p.app + "/platform"
	enter := func(element string) {
		t.Helper()
		b.tabTo("e.matches(" + quote(element) + ")")
		b.load("press Enter on "+element, chromedp.KeyEvent("\r"))
	}
	// The platform's fault: its list comes empty.
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("rules:\n- name: empty\n  match: {path: \"*/getblacklist\"}\n  effect: {http: 200, body: '{\"total\":0,\"count\":0,\"next_openid\":\"\"}'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.command("faults", "load", empty)
	b.visit(page)
	enter("#sync")
	b.says("#held", "The platform’s list came empty, and 40 are blocked here.")
	b.inBoth("platform-held-empty", func(b *tab) { b.visit(page) })
	p.command("faults", "clear")
	b.visit("/a/" + p.app)
	b.tabTo("e.matches('#mirror-alarm a')")
	b.load("press Enter on the alarm", chromedp.KeyEvent("\r"))
	enter("#leave")
	b.says("#connection", "40 on it")
	if b.has("#held") || b.has("#mirror-alarm") || b.has("#drift tbody tr") {
		t.Errorf("the list came whole, and nobody did anything\n%s", b.describe())
	}

	// Somebody unblocks 30 of them there: that has to be looked at.
	p.command("drift", "--unblock-count", "30")
	b.size(390, 844)
	b.visit(page)
	enter("#sync")
	b.says("#held", "The platform’s list has shrunk: 30 of those blocked here are not on it, which has 10 now.")
	b.inBoth("platform-held", func(b *tab) { b.visit(page) })
	b.size(390, 844)
	b.scripts(false)
	b.visit(page)
	b.tabTo("e.matches('#held input[name=sure]')")
	b.key(" ")
	enter("#take-over")
	b.says("#connection", "10 on it; others blocked 0 and unblocked 30")
	b.says("#drift", "Put back")
	if b.has("#held") || b.has("#mirror-alarm") {
		t.Errorf("it was decided\n%s", b.describe())
	}
	enter("#drift td.whole a")
	enter("#really")
	b.scripts(true)
	b.says("main", "Acknowledged by the platform")
	b.visit(page)
	b.follow("#sync")
	b.says("#connection", "40 on it; others blocked 0 and unblocked 0")
	b.says("#drift", "Put back")
	if b.has("#drift td.whole a") {
		t.Error("what was put back can be put back once more")
	}
}

// TestMovedPlatform has the list lie at another address, in the settings of the platform, with
// the keyboard alone: another list than here waits for a person there.
func TestMovedPlatform(t *testing.T) {
	p := smallPlatform(t)
	b := gateway(t)
	b.join(p)
	p.command("drift", "--block-count", "15")
	elsewhere := strings.Replace(p.Base, "127.0.0.1", "localhost", 1)
	b.visit("/accounts/" + p.app + "/platform")
	b.tabTo("e.matches('#url')")
	b.fill("#url", elsewhere)
	b.tabTo("e.matches('#secret')")
	b.typed(p.secret)
	b.load("press Enter", chromedp.KeyEvent("\r"))
	b.says("#held", "Since the base URL was changed another list was read: 55 are on it, of whom 15 are not blocked here, and 0 of those")
	b.says("#connection", elsewhere)
	b.says("#doctor", "all is well")
	b.inBoth("platform-moved", func(b *tab) { b.visit("/a/" + p.app + "/platform") })
	b.click("#held input[name=sure]")
	b.follow("#take-over")
	b.says("#connection", "the first reading: 55 on it; 15 new here, 0 no longer blocked")
	if b.has("#held") || b.has("#drift tbody tr") {
		t.Errorf("what the first reading found is shown as somebody's deed\n%s", b.describe())
	}
}

// scripts lets pages run theirs, or not.
func (b *tab) scripts(run bool) {
	b.t.Helper()
	b.do("scripts", call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run}))
}
