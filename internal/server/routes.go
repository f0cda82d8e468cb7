package server

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/api"
	"mpblock/internal/audit"
	"mpblock/internal/console"
	"mpblock/internal/lists/past"
	"mpblock/internal/upstream/passage"
	v1 "mpblock/internal/v1"
	"mpblock/internal/wire"
)

// Handler returns what is served at Config.Listen: both APIs, the console, the
// health checks and the descriptions of the APIs. Whoever serves it by other means ends those
// before Close; after that it answers 503.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.now().handler.ServeHTTP(w, r) })
}

// routes hands each path to its part. It is not an http.ServeMux, which would
// answer /cgi-bin//token with a redirect where the platform answers 200.
func (s *Server) routes(in *stack) http.Handler {
	calls := api.New(api.Options{
		Access: in.rules.access, Lists: in.rules.lists, Remarks: in.rules.remarks, RequireHTTPS: s.cfg.RequireHTTPS, RID: s.cfg.RID,
		Upstream: in.rules.upstream, Timeout: s.cfg.callTime(), Observe: func(r api.Request) { s.observe(in, r) }, Emulator: s.Emulator(),
	})
	native := v1.New(v1.Options{
		Access: in.rules.access, Lists: in.rules.lists, Past: past.Reader{Store: in.store}, Feed: in.feed, MaxStreams: s.conns / 4 * 3, Jobs: in.rules.jobs, Remarks: in.rules.remarks, Clock: s.cfg.Clock,
		NotePerson: in.notePerson, Synced: in.synced,
		PageKey: in.rules.key, RequireHTTPS: s.cfg.RequireHTTPS, Timeout: s.cfg.callTime() + past.MaxWait, Observe: func(r v1.Request) { s.observeNative(in, r) },
	})
	o := console.Options{
		Desks: in.rules.desks, Operators: in.rules.operators, Public: s.cfg.PublicURL, Demo: s.cfg.Demo, OIDC: s.cfg.OIDC, Log: s.cfg.Log,
		NotFound: func(w http.ResponseWriter, r *http.Request) bool { // other calls of the platform, which clients want as JSON
			if strings.Contains(r.Header.Get("Accept"), "text/html") {
				return false
			}
			calls.ServeHTTP(w, r)
			return true
		},
		CodeText: func(code int) string {
			text, _, _ := strings.Cut(wire.Code(code).Text(), " %s")
			return cmp.Or(text, http.StatusText(code)) // of the native API
		},
		Secure: s.tls != nil || strings.HasPrefix(s.cfg.PublicURL, "https://"),
	}
	if e := s.cfg.Emulate; e != nil && e.Listen != "" {
		o.Emulator = s
	}
	page := console.New(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.requests.TryRLock() { // only Close ever holds it for writing
			text(w, http.StatusServiceUnavailable, "stopping\n")
			return
		}
		defer s.requests.RUnlock()
		switch p := r.URL.Path; {
		case api.Mine(p):
			calls.ServeHTTP(w, r)
		case p == "/healthz":
			text(w, http.StatusOK, "ok\n")
		case p == "/readyz":
			s.ready(w, r, in)
		case p == "/openapi.yaml":
			describe(w, api.OpenAPI)
		case p == "/v1/openapi.yaml":
			describe(w, v1.OpenAPI)
		case v1.Mine(p):
			native.ServeHTTP(w, r)
		default:
			if s.cfg.TLSCert != "" || strings.HasPrefix(s.cfg.PublicURL, "https://") { // not of a CA of our own, which may be gone tomorrow
				w.Header().Set("Strict-Transport-Security", "max-age=31536000")
			}
			page.ServeHTTP(w, r)
		}
	})
}

// notePerson writes a line of the audit about who is protected, or no more.
func (in *stack) notePerson(ctx context.Context, by string, app mpblock.AppID, id mpblock.OpenID, why string) {
	deed := audit.Protected
	if why == "" {
		deed = audit.Unprotected
	}
	in.rules.audit.Note(ctx, audit.OfPerson(by, deed, app, id, why))
}

// synced tells when what lies on the platform was last read there.
func (in *stack) synced(ctx context.Context, app mpblock.AppID) (list, followers time.Time, err error) {
	f, err := in.rules.upstream.Front(ctx, app)
	if err == nil && f.Synced.IsZero() {
		err = passage.ErrUnread.With(app)
	}
	return f.Synced, f.Followers, err
}

func describe(w http.ResponseWriter, openAPI []byte) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(openAPI)
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s))
}

// readyTime is how long the store may take to answer whether it is ready.
const readyTime = 2 * time.Second

func (s *Server) ready(w http.ResponseWriter, r *http.Request, in *stack) {
	if s.stopping.Load() {
		text(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if err := in.rules.ready(ctx); err != nil {
		text(w, http.StatusServiceUnavailable, "not ready: "+err.Error()+"\n")
		return
	}
	text(w, http.StatusOK, "ready\n")
}
