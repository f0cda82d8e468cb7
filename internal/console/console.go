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
	"encoding/gob"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// Options are the settings of the console.
type Options struct {
	Desks     *desk.Office
	Operators *operators.Service
	Secure    bool   // cookies are for TLS alone
	Demo      bool   // say on the login page where the demo's link is
	Public    string // scheme and host under which browsers find the console; "": as they ask for it
	OIDC      *OIDC  // nil: no login through a provider
	Log       *slog.Logger

	// CodeText returns the text of a return code of the API, "" for an unknown one.
	CodeText func(code int) string

	// NotFound is asked first where there is no page; it tells whether it has
	// answered. Nil: nobody is asked.
	NotFound func(http.ResponseWriter, *http.Request) bool
}

// policy lets a page load what stands in static/, and send its forms here.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Limits of requests in bytes.
const (
	maxForm = 1 << 20
	maxList = 128 << 20
)

// longTime is how long a long list may take to come or an export to go, in place of
// the server's own limits.
const longTime = 10 * time.Minute

// console serves the pages.
type console struct {
	Options
	sessions   *scs.SessionManager
	mux        *http.ServeMux
	provider   provider
	cookieOIDC string // name of the cookie that holds an oidcFlow
}

var registerOnce sync.Once

// New returns the console: everything that is not the API.
func New(opts Options) http.Handler {
	registerOnce.Do(func() {
		// The name stands in the records of sessions.
		gob.RegisterName("mpblock/internal/platform.Session", operators.Session{})
		gob.Register([]notice{})
	})
	c := &console{Options: opts, mux: http.NewServeMux()}
	// Cookies go to all ports of a host: servers with other stores have other names.
	mark := opts.Operators.Mark()
	c.cookieOIDC = "mpblock_oidc_" + mark
	c.provider.OIDC = opts.OIDC
	c.sessions = &scs.SessionManager{ // not scs.New, which has a goroutine run for ever
		Store: opts.Operators.Sessions(), Codec: scs.GobCodec{},
		IdleTimeout: operators.SessionIdle, Lifetime: operators.SessionLife,
		Cookie: scs.SessionCookie{
			Name: "mpblock_session_" + mark, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: opts.Secure,
		},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) { c.fail(c.bare(w, r), err) },
	}
	c.routes()

	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.fail(c.bare(w, r), errOrigin) }))
	pages := c.sessions.LoadAndSave(http.HandlerFunc(c.serve))
	guarded := origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/") {
			serveStatic(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		guarded.ServeHTTP(w, r)
	})
}

// handler answers a visit, or returns the error that the visitor is to see.
type handler func(*visit) error

// serve finds the page; what is none gets a page that says so.
func (c *console) serve(w http.ResponseWriter, r *http.Request) {
	_, pattern := c.mux.Handler(r)
	if pattern != "" {
		c.mux.ServeHTTP(w, r)
		return
	}
	if c.NotFound != nil && c.otherMethod(r) == "" && c.NotFound(w, r) {
		return
	}
	v := c.visit(w, r)
	_ = v.sit() // whoever is logged in keeps the navigation
	if method := c.otherMethod(r); method != "" {
		w.Header().Set("Allow", method)
		c.fail(v, errMethod)
		return
	}
	c.fail(v, errMissing)
}

// otherMethod returns the method with which a path is a page, "" if it is none.
func (c *console) otherMethod(r *http.Request) string {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := c.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: r.URL.Path}, Host: r.Host}); pattern != "" {
			return strings.Fields(pattern)[0]
		}
	}
	return ""
}

// adapt is the one place where a handler's error becomes a page.
func (c *console) adapt(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := c.visit(w, r)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
					panic(p)
				}
				c.fail(v, panicked{p})
			}
		}()
		if err := h(v); err != nil {
			c.fail(v, err)
		}
	})
}
