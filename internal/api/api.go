// Package api serves the platform's API over HTTP: every path under /cgi-bin/. It
// finds the call, takes token and body, has wire read them and platform decide,
// and writes the answer in one place.
//
// Every answer has status 200, as the platform's own have: several client
// libraries fail on anything else. So paths are matched as they come, without
// http.ServeMux and its redirects.
package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/access"
	"mpblock/internal/emulator"
	"mpblock/internal/lazyctx"
	"mpblock/internal/lists"
	"mpblock/internal/quoted"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream/passage"
	"mpblock/internal/wire"
)

// DefaultTimeout is how long a call may take in the rules and the store.
const DefaultTimeout = 10 * time.Second

// Options are the settings of the API.
type Options struct {
	Access       *access.Service
	Lists        *lists.Service
	Remarks      *remarks.Service
	Upstream     Upstream      // of accounts whose list lies on the real platform; nil: there are none
	RequireHTTPS bool          // 43003 for calls without TLS
	RID          bool          // the request id behind the errmsg of errors, as today's service has it
	Timeout      time.Duration // of one call's work, past which it answers -1; 0: DefaultTimeout
	Observe      func(Request) // told of each call after its answer; may be nil

	// Emulator bends calls and keeps them; nil: each is answered as it should be.
	Emulator *emulator.Emulator
}

// Request is what there is to tell of a call, for logs and metrics. It holds no
// secret and no token.
type Request struct {
	ID       string
	Start    time.Time
	Duration time.Duration
	Method   string
	Remote   netip.Addr    // invalid if it is not known
	Call     mpblock.Call  // "" for a path that is no call
	AppID    mpblock.AppID // "" until the caller is known to be that account
	Program  string        // of the account, whose token it is; "": its own secret's
	Code     wire.Code
	Err      *wire.Error // nil for CodeOK; wraps context.Canceled if the client went away, which is not the server's fault
	Bytes    int         // of the answer's body
}

// handler is the API. Its calls are those of the table in calls.go.
type handler struct {
	Options
	calls map[string]call
}

// Mine tells whether a path is one of the API, whose answers are its own even where
// there is no such call. Slashes that stand twice count as one: a base URL with a slash
// at its end makes them, and the platform's own document had them once.
func Mine(path string) bool {
	path = once(path)
	return path == "/cgi-bin" || strings.HasPrefix(path, "/cgi-bin/")
}

// once makes one of slashes that stand side by side.
func once(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// New returns the API. It expects to be given every path under /cgi-bin/ as the
// client wrote it, and those of other calls of the platform, which it has not.
func New(o Options) http.Handler {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return &handler{Options: o, calls: calls()}
}

// exchange is one request on its way.
type exchange struct {
	*handler
	r    *http.Request
	call call
	ip   netip.Addr
	app  mpblock.AppID
	out  []byte // the answer, appended to

	program string // of app, whose token it is; "": its own secret's

	// list is the answer of a call that lists, in pieces; out is empty then.
	list net.Buffers
	held quoted.Page // whose OpenIDs those are

	passed *passage.Answer // the real platform's, in the place of both
	synced time.Time       // when the list of the answer was what the real platform showed; zero: it is ours

	bend     *bend // of an emulator; nil of the engine
	began    time.Time
	pageSize int // OpenIDs a page has at most, beside the server's own limit; 0: no other limit
}

// buffers are reused between answers.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// ServeHTTP answers a call: the one place that writes.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	buf := buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	x := &exchange{handler: h, r: r, ip: remote(r), out: (*buf)[:0], began: start}
	at := start
	if h.Emulator != nil {
		x.bend, at = &bend{exchange: x}, h.Emulator.Clock.Now()
	}
	id := requestID(at)
	e := x.answer()
	code := wire.CodeOK
	head := w.Header()
	if e != nil {
		code = e.Code
		message := e.Message
		if h.RID {
			message += " rid: " + id
		}
		x.out, x.list = wire.AppendError(x.out[:0], e.Code, message), nil
		if d := headerText(e.Detail); d != "" {
			head.Set("X-Error-Detail", d)
		}
	}
	head.Set("Content-Type", "application/json; encoding=utf-8")
	head.Set("X-Request-Id", id)
	if e == nil && !x.synced.IsZero() {
		head.Set("X-Mpblock-Synced-At", x.synced.UTC().Format(time.RFC3339))
	}
	var size int
	var end func()
	switch {
	case x.passed != nil:
		code = wire.Code(x.passed.Code)
		size, end = x.handOver(w)
	case x.bend != nil:
		size, end = x.bend.finish(w, id, at, e)
	default:
		size = x.send(w)
	}
	if h.Observe != nil {
		h.Observe(Request{
			ID: id, Start: start, Duration: time.Since(start), Method: r.Method, Remote: x.ip,
			Call: x.call.name, AppID: x.app, Program: x.program, Code: code, Err: e, Bytes: size,
		})
	}
	*buf = x.out
	buffers.Put(buf)
	if end != nil {
		end()
	}
}

// send writes the answer and returns its length. A client that is gone is nobody's
// fault.
func (x *exchange) send(w http.ResponseWriter) int {
	if x.list == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(x.out)))
		_, _ = w.Write(x.out)
		return len(x.out)
	}
	size := 0
	for _, piece := range x.list {
		size += len(piece)
	}
	w.Header().Set("Content-Length", strconv.Itoa(size))
	if sendPieces(w, &x.list) == nil { // else somebody may be sending it still
		x.held.Release()
	}
	return size
}

// answer runs the call and turns whatever comes of it into an answer.
func (x *exchange) answer() (e *wire.Error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			e = wire.ErrorOf(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	ctx := lazyctx.WithDeadline(x.r.Context(), x.began.Add(x.Timeout))
	defer ctx.End()
	err := x.run(ctx)
	if err == nil || x.passed != nil {
		return nil
	}
	e = errorOf(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Detail = fmt.Sprintf("the server did not finish in %v; what it was asked to change may have changed or not: try again", x.Timeout)
	case errors.Is(err, context.Canceled):
		e.Detail = "the client went away before the answer; what it asked to change may have changed or not"
	}
	return e
}

// errorOf returns an error as the API answers it: what the real platform has refused bears
// its own code and text. That is not so of what it refused when this server wanted to know
// what became of a change, or another token: a program would take its own call for refused.
func errorOf(err error) *wire.Error {
	var own *mpblock.Error
	if errors.As(err, &own) && (own.Key == "upstream.lost" || strings.HasPrefix(own.Key, "source.")) {
		return wire.ErrorOf(own)
	}
	var there *client.Error
	if !errors.As(err, &there) {
		return wire.ErrorOf(err)
	}
	if ownToken(there) {
		return &wire.Error{Code: wire.CodeSystem, Message: wire.CodeSystem.Text(), Err: err, Detail: fmt.Sprintf(
			"the platform refuses this server's own token, secret or address (%d), not the caller's: mpblock account doctor says what whoever runs it has to do", there.Code)}
	}
	message := there.Message
	if there.RID != "" {
		message += " rid: " + there.RID
	}
	return &wire.Error{Code: wire.Code(there.Code), Message: message, Detail: "so says the platform on which the account's list lies"}
}

// ownToken tells whether the real platform has refused not the call but who makes it: this
// server. A program that heard such a code would look for the fault in its own token.
func ownToken(there *client.Error) bool {
	if there.Call == string(mpblock.CallToken) || there.Call == string(mpblock.CallStableToken) {
		return true
	}
	return passage.Ours(there)
}

// run makes the checks that all calls have, in the platform's order, and the call.
func (x *exchange) run(ctx context.Context) error {
	if x.bend != nil {
		if err := x.bend.before(ctx); err != nil {
			return err
		}
	}
	path := once(x.r.URL.EscapedPath())
	c, ok := x.calls[path] // an escaped slash is none, for proxies before us think so
	if !ok {
		if err := x.other(ctx, path); err != nil || x.passed != nil {
			return err
		}
		return wire.Refuse(wire.CodeBadURL, "there is no call at this path; the calls are those in /openapi.yaml")
	}
	x.call = c
	if x.RequireHTTPS && x.r.TLS == nil {
		return wire.Refuse(wire.CodeNeedHTTPS, "this server answers calls over TLS only")
	}
	if err := c.checkMethod(x.r.Method); err != nil {
		return err
	}
	return c.run(ctx, x)
}

// remote returns the address of the caller, as the connection has it: headers that
// a proxy may have set are not believed, since anyone can set them.
func remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// headerText makes a text fit for a header: one line of ASCII, of bounded length.
func headerText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= 500 {
			return b.String() + "..."
		}
		switch {
		case r > unicode.MaxASCII: // what it is stands behind it
			b.WriteByte('?')
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
