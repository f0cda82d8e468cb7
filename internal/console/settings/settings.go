// Package settings is the pages on which something is set: accounts and operators, by
// admins, and what operators set for themselves.
package settings

import (
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Pages are all of them.
type Pages struct {
	Operators *operators.Service
	Provider  string // of OpenID Connect, "" if there is none
}

// visit is one request for one of them.
type visit struct {
	*web.Visit
	c *Pages
}

// Views are their templates.
var Views = map[string]web.View{
	"accounts":  {Frame: "layout", Data: &accountsPage{}},
	"account":   {Frame: "layout", Data: &settingsPage{}},
	"programs":  {Frame: "layout", Data: &programsPage{}},
	"program":   {Frame: "layout", Data: &programPage{}},
	"protected": {Frame: "layout", Data: &protectedPage{}},
	"operators": {Frame: "layout", Data: &operatorsPage{}},
	"operator":  {Frame: "layout", Data: &operatorPage{}},
	"audit":     {Frame: "layout", Data: &auditPage{}},
	"me":        {Frame: "layout", Data: &mePage{}},
}

// Register has a site serve them.
func (c *Pages) Register(site *web.Site) {
	on := func(h func(*visit) error) web.Handler {
		return func(v *web.Visit) error { return h(&visit{v, c}) }
	}
	site.Handle("POST /language", on(c.language))
	for pattern, h := range map[string]func(*visit) error{
		"GET /accounts":                               c.accounts,
		"POST /accounts":                              c.addAccount,
		"GET /accounts/{app}":                         c.accountSettings,
		"POST /accounts/{app}":                        c.setAccount,
		"POST /accounts/{app}/secret":                 c.rotateSecret,
		"POST /accounts/{app}/retire":                 c.retireAccount,
		"POST /accounts/{app}/remove":                 c.removeAccount,
		"GET /accounts/{app}/programs":                c.programs,
		"POST /accounts/{app}/programs":               c.addProgram,
		"GET /accounts/{app}/programs/{name}":         c.program,
		"POST /accounts/{app}/programs/{name}":        c.scopeProgram,
		"POST /accounts/{app}/programs/{name}/secret": c.rotateProgram,
		"POST /accounts/{app}/programs/{name}/revoke": c.revokeProgram,
		"GET /accounts/{app}/protected":               c.protected,
		"POST /accounts/{app}/protected":              c.protect,
		"POST /accounts/{app}/protected/end":          c.unprotect,
		"GET /operators":                              c.operators,
		"POST /operators":                             c.addOperator,
		"POST /second-factor":                         c.requireSecond,
		"GET /operators/{name}":                       c.operatorPage,
		"POST /operators/{name}":                      c.setOperator,
		"POST /operators/{name}/reset":                c.resetOperator,
		"POST /operators/{name}/logout":               c.endSessions,
		"POST /operators/{name}/disable":              c.disableOperator,
		"POST /operators/{name}/remove":               c.removeOperator,
		"GET /audit":                                  c.audit,
		"GET /me":                                     c.me,
		"POST /me/language":                           c.setLanguage,
		"POST /me/rows":                               c.setRows,
		"POST /me/password":                           c.setPassword,
		"POST /me/second-factor/new":                  c.newSecond,
		"POST /me/second-factor":                      c.confirmSecond,
		"POST /me/second-factor/remove":               c.removeSecond,
		"POST /me/recovery":                           c.newCodes,
		"POST /me/logins/end":                         c.endLogin,
		"POST /me/logins/others":                      c.endOthers,
		"POST /me/unlink":                             c.unlink,
	} {
		site.Handle(pattern, web.WithDesk(on(h)))
	}
}
