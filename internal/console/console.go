// Package console is the operator's web console: pages rendered on the server, made
// livelier by htmx, in Simplified Chinese and English. It holds no rules of its own:
// each request works through a desk.Desk, which refuses what the operator may not
// do; the console only leaves out what would be refused.
//
// Handlers return an error, and one place turns it into a page. Every page is
// rendered into memory before the first byte goes out. Pages load nothing but what
// stands in static/, and hold no script and no style of their own, as their
// Content-Security-Policy demands.
package console

import (
	"log/slog"
	"net/http"

	"mpblock/internal/console/emulate"
	"mpblock/internal/console/entry"
	"mpblock/internal/console/firstday"
	"mpblock/internal/console/hooks"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/remarkfile"
	"mpblock/internal/console/settings"
	"mpblock/internal/console/sso"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// Options are the settings of the console.
type Options struct {
	Desks     *desk.Office
	Operators *operators.Service
	Secure    bool          // cookies are for TLS alone
	Demo      bool          // say on the login page where the demo's link is
	Public    string        // scheme and host under which browsers find the console; "": as they ask for it
	OIDC      *sso.Provider // nil: no login through a provider
	Emulator  emulate.Host  // nil: this is no emulator, or nobody is to bend it
	Log       *slog.Logger

	// CodeText returns the text of a return code of the API, "" for an unknown one.
	CodeText func(code int) string

	// NotFound is asked first where there is no page; it tells whether it has
	// answered. Nil: nobody is asked.
	NotFound func(http.ResponseWriter, *http.Request) bool
}

// console has the pages.
type console struct{ Options }

// visit is one request for a page of the console.
type visit struct {
	*web.Visit
	c *console
}

// New returns the console: everything that is not the API.
func New(opts Options) http.Handler {
	c := &console{opts}
	in := entry.New(entry.Options{Operators: opts.Operators, Secure: opts.Secure, Demo: opts.Demo, OIDC: opts.OIDC, Log: opts.Log})
	o := web.Options{
		Desks: opts.Desks, Operators: opts.Operators, Secure: opts.Secure, Public: opts.Public, Log: opts.Log,
		Views: views, LoggedOut: in.LoggedOut, NotFound: opts.NotFound, Mirror: platform.Mirror, Explain: platform.Explain,
	}
	if opts.Emulator != nil {
		o.Bent = func(v *web.Visit) string { return emulate.Banner(opts.Emulator.Emulator(), v.Lang, v.Zone) }
	}
	site := web.New(o)
	c.routes(site)
	in.Register(site)
	set := &settings.Pages{Operators: opts.Operators}
	if opts.OIDC != nil {
		set.Provider = opts.OIDC.Name
	}
	set.Register(site)
	firstday.Register(site)
	remarkfile.Register(site)
	platform.Register(site)
	hooks.Register(site)
	if opts.Emulator != nil {
		emulate.Register(site, opts.Emulator)
	}
	return site.Handler()
}

// handler answers a visit, or returns the error that the visitor is to see.
type handler func(*visit) error

// on has a page of the console answer.
func (c *console) on(h handler) web.Handler {
	return func(v *web.Visit) error { return h(&visit{v, c}) }
}
