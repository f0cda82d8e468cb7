// Package entry is the pages of the way in: logging in with a password, a code or a
// provider, links that make somebody an operator, and the way out.
package entry

import (
	"log/slog"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/sso"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Options are the settings of the way in.
type Options struct {
	Operators *operators.Service
	Secure    bool          // cookies are for TLS alone
	Demo      bool          // say on the login page where the demo's link is
	OIDC      *sso.Provider // nil: no login through a provider
	Log       *slog.Logger
}

// Pages are all pages of the way in.
type Pages struct {
	Options
	provider   sso.Client
	cookieOIDC string // name of the cookie that holds an sso.Flow
}

// visit is one request for one of them.
type visit struct {
	*web.Visit
	c *Pages
}

// New returns the pages of the way in.
func New(o Options) *Pages {
	c := &Pages{Options: o, cookieOIDC: "mpblock_oidc_" + o.Operators.Mark()}
	c.provider.Provider = o.OIDC
	return c
}

// Views are their templates.
var Views = map[string]web.View{
	"login":    {Frame: "lone", Data: &loginPage{}},
	"code":     {Frame: "lone", Data: &loginPage{}},
	"password": {Frame: "lone", Data: &passwordPage{}},
	"again":    {Frame: "layout", Data: &againPage{}},
}

// Register has a site serve them.
func (c *Pages) Register(site *web.Site) {
	on := func(h func(*visit) error) web.Handler {
		return func(v *web.Visit) error { return h(&visit{v, c}) }
	}
	for pattern, h := range map[string]func(*visit) error{
		"GET /login":             c.loginForm,
		"POST /login":            c.login,
		"GET /login/code":        c.codeForm,
		"POST /login/code":       c.code,
		"GET /login/oidc":        c.oidcBegin,
		"GET /login/oidc/return": c.oidcReturn,
		"GET /welcome":           c.welcomeForm,
		"POST /welcome":          c.welcome,
		"GET /password":          c.resetForm,
		"POST /password":         c.reset,
		"GET /demo":              c.demo,
		"POST /logout":           c.logout,
	} {
		site.Handle(pattern, on(h))
	}
	site.Handle("GET "+AgainPath, web.WithDesk(on(c.again)))
}
