// Package platform is the pages about accounts whose blacklist lies on the real platform:
// how things stand with the connection, which every page of such an account says too, what
// a person is to decide, and how such an account is added and set.
package platform

import (
	"strings"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// visit is one request for one of the pages.
type visit struct{ *web.Visit }

// Views are their templates.
var Views = map[string]web.View{
	"platform": {Frame: "layout", Data: &page{}},
	"join":     {Frame: "layout", Data: &joinPage{}},
	"upstream": {Frame: "layout", Data: &settingsPage{}},
}

// Register has a site serve them.
func Register(site *web.Site) {
	for pattern, h := range map[string]func(visit) error{
		"GET " + joinAddress:  visit.joinForm,
		"POST " + joinAddress: visit.join,
	} {
		site.Handle(pattern, web.WithDesk(admins(h)))
	}
	for pattern, h := range map[string]func(visit) error{
		"GET /a/{app}/platform":                visit.show,
		"POST /a/{app}/platform/sync":          visit.sync,
		"POST /a/{app}/platform/followers":     visit.followers,
		"POST /a/{app}/platform/examine":       visit.examine,
		"GET /accounts/{app}/platform":         visit.settings,
		"POST /accounts/{app}/platform":        visit.set,
		"POST /accounts/{app}/platform/tokens": visit.move,
	} {
		on := elsewhere(h)
		if strings.Contains(pattern, "/accounts/") {
			on = admins(func(v visit) error { return elsewhere(h)(v.Visit) })
		}
		site.Handle(pattern, web.WithDesk(web.WithAccount(on)))
	}
}

// admins has a page be for admins.
func admins(h func(visit) error) web.Handler {
	return func(v *web.Visit) error {
		if !v.Desk.May(operators.RoleAdmin) {
			return web.ErrForbidden
		}
		if err := v.Form(); err != nil {
			return err
		}
		return h(visit{v})
	}
}

// elsewhere has a page be of accounts whose list lies on the platform.
func elsewhere(h func(visit) error) web.Handler {
	return func(v *web.Visit) error {
		if v.Account.Upstream == "" {
			return web.ErrMissing
		}
		if err := v.Form(); err != nil {
			return err
		}
		return h(visit{v})
	}
}

// address is that of the page.
func (v visit) address() string { return v.Base() + "/platform" }

// done says what was done, or why it was refused, on the page.
func (v visit) done(err error, kind, text string) error {
	if err != nil {
		refused, ok := v.Refusal(err)
		if !ok {
			return err
		}
		kind, text = "bad", refused
	}
	v.Tell(kind, text)
	return v.See(v.address())
}
