package browser

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/client"
	"mpblock/internal/testserver"
)

// gateway starts a server with nothing in it, and returns the tab of its admin.
func gateway(t *testing.T) *tab {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	s, err := testserver.Start(binary, "serve", "--listen", "127.0.0.1:0", "--sync-every", "24h", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	out, err := exec.CommandContext(t.Context(), binary, "operator", "add", "--data", data, "--role", "admin", "root").Output()
	if err != nil {
		t.Fatal(err)
	}
	link := string(out)
	at := strings.Index(link, "/password?")
	if at < 0 {
		t.Fatal(link)
	}
	const phrase = "a long enough phrase"
	b := browse(t, s.Base)
	b.visit(strings.Fields(link[at:])[0])
	b.fill("#password", phrase)
	b.fill("#again", phrase)
	b.follow("#choose button")
	b.speak("en")
	return b
}

// inBoth looks at a page in both languages.
func (b *tab) inBoth(name string, reach func(*tab)) {
	b.t.Helper()
	for _, lang := range []string{"zh-CN", "en"} {
		reach(b)
		b.speak(lang)
		b.inspect(look{name: name, reach: reach}, lang)
	}
}

// waiting is a platform that names limits, loses answers, and does not say what became of it.
const waiting = `
rules:
  - {name: limits, match: {path: "*/quota/get"}, effect: {http: 200, body: '{"errcode":0,"errmsg":"ok","quota":{"daily_limit":2000,"used":7,"remain":1993},"rate_limit":{"call_count":60,"refresh_second":60}}'}}
  - {name: lost, match: {path: "*/batchunblacklist"}, effect: {lost_answer: cut}}
  - {name: unread, match: {path: "*/getblacklist", after: 1}, effect: {errcode: 48001}}
`

// bend has an emulator follow a fault plan.
func bend(t *testing.T, there *testserver.Server, plan string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary, "emulator", "faults", "load", file, "--control", there.Control).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestPlatform adds an account that lies on an emulator in another process, by the form, and
// works with it: what others change there, a list that has shrunk, what is refused.
func TestPlatform(t *testing.T) {
	there := emulator(t)
	b := gateway(t)
	b.visit("/accounts")
	b.follow("#join")
	b.inBoth("join-where", func(b *tab) { b.visit("/accounts/platform") })
	b.put("#url", there.Base)
	b.put("#appid", testserver.DemoAppID)
	b.follow("#next")
	b.inBoth("join-tokens", func(b *tab) { b.visit("/accounts/platform?step=2") })
	b.put("#secret", "0123456789abcdef0123456789abcdef")
	b.follow("#next")
	b.says("main", "The secret is wrong")
	b.inBoth("join-refused", func(b *tab) { b.visit("/accounts/platform?step=3") })
	b.follow("#back")
	b.put("#secret", testserver.DemoSecret)
	b.follow("#next")
	b.says("#report-state", "all is well")
	b.inBoth("join-test", func(b *tab) { b.visit("/accounts/platform?step=3") })
	b.follow("#next")
	b.inBoth("join-name", func(b *tab) { b.visit("/accounts/platform?step=4") })
	b.put("#name", "Shop 小店")
	b.follow("#next")
	b.says("#connection", "23,000 on it")
	secret := b.text("#secret")
	if n := len(secret); n != 32 {
		t.Errorf("the secret for programs has %d characters", n)
	}
	b.save("join-done", "en", "1440")
	const at = "/a/" + testserver.DemoAppID
	platform := enter(t, there, "en")
	drift := func(block, unblock string) {
		platform.visit("/emulator")
		platform.put("#drift-block", block)
		platform.put("#drift-unblock", unblock)
		platform.follow("#drift form button")
	}
	drift("3", "0")
	b.visit(at + "/platform")
	b.follow("#sync")
	b.says("#drift", "Put back")
	b.inBoth("platform", func(b *tab) { b.visit(at + "/platform") })
	b.visit(at + "/platform")
	b.follow("#drift tbody tr:first-child td.whole a")
	b.follow("main form button.primary, main form button.danger")
	b.visit(at + "/platform")
	b.says("#drift", "Put back")
	if b.has("#drift td.whole a") {
		t.Error("what was put back can be put back once more")
	}
	bend(t, there, waiting)
	b.visit(at + "/platform")
	b.follow("#examine")
	b.says("#budget", "limit as the platform says")
	program, err := client.New(testserver.DemoAppID, secret, client.WithBaseURL(b.base), client.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	page, err := program.List(t.Context(), "")
	if err == nil {
		err = program.Unblock(t.Context(), page.OpenIDs[0])
	}
	if !errors.Is(err, client.ErrSystem) {
		t.Errorf("an answer that is lost: %v", err)
	}
	b.visit(at + "/platform")
	b.says("#unsettled", "Next reading of the platform’s list")
	b.inBoth("platform-waiting", func(b *tab) { b.visit(at + "/platform") })
	b.inBoth("platform-settings", func(b *tab) { b.visit("/accounts/" + testserver.DemoAppID + "/platform") })
}
