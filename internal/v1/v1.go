// Package v1 serves the native API: what is under /v1/accounts/{appid}/. It says what the
// platform's three calls cannot: whether somebody is blocked, why, and until when.
//
// A handler returns an error, and one place writes the answer: JSON, or a problem of RFC
// 9457 with the key of the error as its code. Each answer about a list bears its revision,
// the seq of the account's last change that it knows of.
//
// Its rules are those of every door, in access, lists and jobs. openapi.yaml describes it.
package v1

import (
	"context"
	_ "embed" // for OpenAPI
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/feed"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	"mpblock/internal/remarks"
	"mpblock/internal/v1/pattern"
	"mpblock/internal/v1/spool"
	"mpblock/internal/v1/waiters"
)

// OpenAPI describes the native API in the form of OpenAPI 3.1, as a server shows it at
// /v1/openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Options are the settings of the native API.
type Options struct {
	Access       *access.Service
	Lists        *lists.Service
	Past         past.Reader
	Feed         *feed.Store
	Jobs         *jobs.Service
	Remarks      *remarks.Service
	NotePerson   NotePerson // writes down who is protected, or no more
	Synced       Synced
	Clock        mpblock.Clock
	PageKey      []byte        // signs page tokens; the same on all nodes of a store
	RequireHTTPS bool          // calls without TLS are refused
	Timeout      time.Duration // of one call's work
	Checkpoint   time.Duration // how often a stream says that nothing has changed; 0: checkpointEvery
	MaxStreams   int           // who may wait for changes at the same time; 0: there is no limit
	Observe      func(Request) // told of each call after its answer; may be nil
}

// NotePerson writes down that by has protected somebody, and why, or does so no more: why is "".
type NotePerson func(ctx context.Context, by string, app mpblock.AppID, id mpblock.OpenID, why string)

// Synced tells when the list of an account that lies on the platform was last read there, and
// when its followers were; zero: they never were. That the list never was is an error.
type Synced func(context.Context, mpblock.AppID) (list, followers time.Time, err error)

// Request is what there is to tell of a call, for logs and metrics. It holds no secret
// and no token.
type Request struct {
	Start    time.Time
	Duration time.Duration
	Method   string
	Remote   netip.Addr    // invalid if it is not known
	Call     string        // name of the route; "" for a path that is none
	AppID    mpblock.AppID // "" until the caller is known to be that account
	Program  string        // of the account, whose token it is; "": its own secret's
	Status   int
	Code     string // of the problem; "" if it went well
	Detail   string
	Err      error // that is not the caller's fault; wraps context.Canceled if the client went away
	Bytes    int   // of the answer's body
}

// Mine tells whether a path is one of the native API.
func Mine(path string) bool { return path == "/v1" || strings.HasPrefix(path, "/v1/") }

// handler is the native API.
type handler struct {
	Options
	routes  []route
	streams waiters.Room
	uploads spool.Uploads
	waits   chan struct{} // has one of each who waits for a revision
}

// New returns the native API. It expects to be given every path under /v1/.
func New(o Options) http.Handler {
	o.Clock = mpblock.ClockOr(o.Clock)
	if o.Checkpoint == 0 {
		o.Checkpoint = checkpointEvery
	}
	all := routes()
	for i := range all {
		all[i].pattern = pattern.Of(under + all[i].path)
	}
	return &handler{
		Options: o, routes: all, streams: waiters.Room{Most: int64(o.MaxStreams)}, waits: make(chan struct{}, maxWaits),
	}
}

// exchange is one request on its way.
type exchange struct {
	*handler
	access.Caller
	w     http.ResponseWriter
	r     *http.Request
	route route
	ip    netip.Addr
	parts map[string]string // of the path, by their names in the route
	asked url.Values        // the query

	revision *uint64 // of the account, as far as the answer knows it; nil: it does not
	status   int     // of an answer that goes well; 0: 200, or 204 where there is no body
	body     any     // the answer, as JSON; nil: there is none
	sent     bool    // the handler has sent the answer
	size     int     // of the body
}

// ServeHTTP answers a call: the one place that writes, but for handlers that stream.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{handler: h, w: w, r: r, ip: remote(r)}
	start := time.Now()
	err := x.answer()
	if x.revision != nil && !x.sent {
		w.Header().Set("Mpblock-Revision", strconv.FormatUint(*x.revision, 10))
	}
	var p *problem
	switch {
	case x.sent:
	case err != nil:
		p = problemOf(err)
		x.status = p.Status
		x.fail(p)
	default:
		x.send("application/json", x.body)
	}
	if h.Observe == nil {
		return
	}
	o := Request{
		Start: start, Duration: time.Since(start), Method: r.Method, Remote: x.ip, Call: x.route.name, Program: x.Program, Status: x.status, Bytes: x.size,
	}
	if x.Account != nil {
		o.AppID = x.AppID
	}
	if p != nil {
		o.Code, o.Detail = p.Code, p.Detail
	}
	if k := mpblock.KindOf(err); err != nil && (k == mpblock.Internal || errors.Is(err, context.Canceled)) {
		o.Err = err
	}
	h.Observe(o)
}

// written is a body that is JSON already.
type written []byte

// send writes a body as JSON.
func (x *exchange) send(kind string, body any) {
	head := x.w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if body == nil {
		x.status = http.StatusNoContent
		x.w.WriteHeader(x.status)
		return
	}
	out, done := body.(written)
	if !done {
		var err error
		if out, err = json.Marshal(body); err != nil { // of our own types
			panic(err)
		}
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	out = append(out, '\n')
	x.size = len(out)
	head.Set("Content-Type", kind)
	head.Set("Content-Length", strconv.Itoa(len(out)))
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write(out)
}

func (x *exchange) fail(p *problem) {
	if p.after > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(p.after))
	}
	if p.Status == http.StatusUnauthorized {
		ask := `Bearer realm="mpblock"`
		if p.Code != errNoToken.Key { // RFC 6750, 3.1
			ask += `, error="invalid_token"`
		}
		x.w.Header().Set("WWW-Authenticate", ask)
	}
	x.send("application/problem+json", p)
}

// answer runs the call and turns a panic into an error.
func (x *exchange) answer() (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if x.RequireHTTPS && x.r.TLS == nil {
		return errHTTPS
	}
	if err := x.find(); err != nil {
		return err
	}
	if raw := x.r.URL.RawQuery; raw != "" {
		if x.asked, err = url.ParseQuery(raw); err != nil {
			return errQueryForm.With(clip(err.Error()))
		}
	}
	ctx := x.r.Context()
	if !x.route.long && x.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.Timeout)
		defer cancel()
	}
	if err := x.authorize(ctx); err != nil {
		return err
	}
	return x.route.run(ctx, x)
}

// bearer returns the access token of the header, or, where the call takes it there too, that
// of the query (RFC 6750, 2.3). A page of any site may then read the answer: nothing but the
// token lets it in.
func (x *exchange) bearer() (string, error) {
	header := x.r.Header.Get("Authorization")
	if token := x.query("access_token"); x.route.inQuery && token != "" {
		x.w.Header().Set("Access-Control-Allow-Origin", "*")
		if header != "" {
			return "", errTwoTokens
		}
		return token, nil
	}
	kind, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(kind, "Bearer") || token == "" {
		return "", errNoToken
	}
	return token, nil
}

// authorize checks the access token, and that it is of the account in the path.
func (x *exchange) authorize(ctx context.Context) error {
	token, err := x.bearer()
	if err != nil {
		return err
	}
	app, err := mpblock.ParseAppID(x.parts["appid"])
	if err != nil {
		return err
	}
	x.Caller, err = x.Access.Admit(ctx, token, mpblock.Call("v1/"+x.route.name), x.route.scope, x.ip)
	if x.Account != nil && x.AppID != app {
		return errOtherAccount.With(app)
	}
	if err != nil {
		return err
	}
	if x.route.own && x.Program != "" {
		return errOwn.With(x.Program, app)
	}
	if err := x.may(x.route.like...); err != nil {
		return err
	}
	return x.mirrored(ctx)
}

// mirrored refuses to say who is blocked, or who follows, where that was never read from the
// platform, and dates it where it was. Who follows there is not said here.
func (x *exchange) mirrored(ctx context.Context) error {
	switch {
	case x.Upstream == "":
		return nil
	case x.route.followers && !x.route.list:
		return errFollowersElsewhere.With(x.AppID)
	case !x.route.list:
		return nil
	}
	synced, followers, err := x.Synced(ctx, x.AppID)
	if err != nil {
		return err
	}
	if x.route.followers {
		if synced = followers; synced.IsZero() {
			return errFollowersUnknown.With(x.AppID)
		}
	}
	x.w.Header().Set("X-Mpblock-Synced-At", synced.UTC().Format(time.RFC3339))
	return nil
}

// may refuses what the account is denied by the name of the platform's call that does the
// same.
func (x *exchange) may(calls ...mpblock.Call) error {
	for _, call := range calls {
		for _, denied := range x.Denied {
			if denied == call {
				return errDenied.With(x.AppID, call)
			}
		}
	}
	return nil
}

// at sets the revision of the answer.
func (x *exchange) at(revision uint64) { x.revision = &revision }

// remote returns the address of the caller, as the connection has it: headers that a proxy
// may have set are not believed, since anyone can set them.
func remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}
