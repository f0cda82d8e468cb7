package browser

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
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

// newOperator creates an operator through the console, who chooses a password with
// the link and so is logged in, in a tab of their own.
func newOperator(admin *tab, name, role, password string) *tab {
	admin.t.Helper()
	admin.visit("/operators")
	admin.fill("#new-operator #name", name)
	admin.click("#new-operator input[value=" + role + "]")
	admin.follow("#new-operator button")
	b := browse(admin.t, admin.base)
	b.visit(strings.TrimSpace(admin.text("#new-link")))
	b.fill("#password", password)
	b.fill("#again", password)
	b.follow("#choose button")
	return b
}

// secondFactor sets up a second factor for whoever is logged in.
func (b *tab) secondFactor() {
	b.t.Helper()
	b.visit("/me")
	if b.has("#totp-begin") { // else it is begun
		b.follow("#totp-begin button")
	}
	code, err := totp.GenerateCode(b.text("#totp-key"), time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	b.fill("#totp #code", code)
	b.follow("#totp button")
	if !b.has("#totp-off") {
		b.t.Fatalf("the second factor is not on\n%s", b.describe())
	}
}
