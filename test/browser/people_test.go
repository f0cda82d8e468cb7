package browser

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"mpblock/internal/testserver"
)

// call is a step that makes a call of the DevTools protocol.
func call[P, R any](method cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, method, params)
		return chromedp.Void{}, err
	}
}

// login sends the form of the login page.
func (b *tab) login(name, password string) int {
	b.t.Helper()
	b.visit("/login")
	b.fill("#name", name)
	b.fill("#password", password)
	return b.follow("#enter")
}

// resetLink has an admin make a link with which an operator chooses a password.
func resetLink(admin *tab, name string) string {
	admin.t.Helper()
	admin.visit("/operators/" + name)
	admin.follow("#reset button")
	return strings.TrimSpace(admin.text("#new-link"))
}

// newOperator creates an operator through the console, and returns the key of the
// second factor, if there shall be one.
func newOperator(admin *tab, s *testserver.Server, name, role, password string, second bool) (key string) {
	admin.t.Helper()
	admin.visit("/operators")
	admin.fill("#new-operator #name", name)
	admin.click("#new-operator input[value=" + role + "]")
	admin.follow("#new-operator button")
	link := strings.TrimSpace(admin.text("#new-link"))
	if !second {
		_ = link
	}
	b := browse(admin.t, s.Base)
	b.visit(link)
	b.fill("#password", password)
	b.fill("#again", password)
	b.follow("#choose button")
	if !second {
		return ""
	}
	b.visit("/me")
	b.follow("#totp-begin button")
	key = b.text("#totp-key")
	code, err := totp.GenerateCode(key, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	b.fill("#totp #code", code)
	b.follow("#totp button")
	if !b.has("#totp-off") {
		b.t.Fatalf("the second factor is not on\n%s", b.describe())
	}
	return key
}
