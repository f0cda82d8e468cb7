// Package web is what every page of the console needs: sessions and who has them, the
// guard against requests from other sites, the frame around a page, what becomes of an
// error, notices, and the way through long lists.
//
// It promises that a page comes whole or not at all, that an error that is not meant for
// the visitor goes to the log under a number that the visitor is shown, and that whoever
// is not logged in leaves nothing in the store. What pages there are it leaves to others.
package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/alexedwards/scs/v2"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/desk"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Options are the settings of a Site.
type Options struct {
	Desks     *desk.Office
	Operators *operators.Service
	Secure    bool   // cookies are for TLS alone
	Public    string // scheme and host under which browsers find the site; "": as they ask for it
	Log       *slog.Logger
	Views     func() *Views

	// LoggedOut shows who sends a form and is no longer logged in how to log in; what
	// they sent is Waiting as a text, "" if it cannot be sent again.
	LoggedOut func(v *Visit, waiting string) error

	// Bent says what an emulator bends at present, "" if that is nothing. Nil: this is
	// none, and has no page for it.
	Bent func(*Visit) string

	// Mirror says how things stand with the page's account, whose list lies elsewhere.
	Mirror func(*Visit) (*Mirror, error)

	// Explain says more of an error, "" if there is nothing to be said.
	Explain func(i18n.Lang, *mpblock.Error) string

	// NotFound is asked first where there is no page; it tells whether it has
	// answered. Nil: nobody is asked.
	NotFound func(http.ResponseWriter, *http.Request) bool
}

// Policy lets a page load what stands in static/, and send its forms here.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Site serves pages.
type Site struct {
	Options
	sessions *scs.SessionManager
	mux      *http.ServeMux
}

// New returns a site without pages.
func New(o Options) *Site {
	s := &Site{Options: o, sessions: newSessions(o), mux: http.NewServeMux()}
	s.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { s.fail(s.bare(w, r), err) }
	return s
}

// Handler answers a visit, or returns the error that the visitor is to see.
type Handler func(*Visit) error

// Handle adds a page.
func (s *Site) Handle(pattern string, h Handler) { s.mux.Handle(pattern, s.adapt(h)) }

// Handler returns the site with its guards.
func (s *Site) Handler() http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(s.bare(w, r), errOrigin) }))
	pages := s.sessions.LoadAndSave(http.HandlerFunc(s.serve))
	guarded := origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/") {
			serveStatic(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", Policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		guarded.ServeHTTP(w, r)
	})
}

// serve finds the page; what is none gets a page that says so.
func (s *Site) serve(w http.ResponseWriter, r *http.Request) {
	_, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	if s.NotFound != nil && s.otherMethod(r) == "" && s.NotFound(w, r) {
		return
	}
	v := s.visit(w, r)
	_ = v.Sit() // whoever is logged in keeps the navigation
	if method := s.otherMethod(r); method != "" {
		w.Header().Set("Allow", method)
		s.fail(v, errMethod)
		return
	}
	s.fail(v, ErrMissing)
}

// otherMethod returns the method with which a path is a page, "" if it is none.
func (s *Site) otherMethod(r *http.Request) string {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := s.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: r.URL.Path}, Host: r.Host}); pattern != "" {
			return strings.Fields(pattern)[0]
		}
	}
	return ""
}

// adapt is the one place where a handler's error becomes a page.
func (s *Site) adapt(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
					panic(p)
				}
				s.fail(v, panicked{p})
			}
		}()
		if err := h(v); err != nil {
			s.fail(v, err)
		}
	})
}
