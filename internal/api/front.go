package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"mpblock"
	"mpblock/internal/upstream/passage"
	"mpblock/internal/wire"
)

// Upstream is the real platform, for accounts whose list lies there.
type Upstream interface {
	// Front says which calls are answered from what is here.
	Front(ctx context.Context, app mpblock.AppID) (passage.Front, error)
	// Pass passes a call on, with the platform's token in the place of the caller's.
	Pass(ctx context.Context, app mpblock.AppID, r *http.Request) (*passage.Answer, error)
}

// callPassed is the name of a call that is none here, and that is passed on.
const callPassed mpblock.Call = "passed"

// errPassed ends a call that was passed on: exchange.passed is its answer.
var errPassed = errors.New("passed on")

// front decides, of an account whose list lies on the real platform and which may make
// the call, whether it is answered here or there.
func (x *exchange) front(ctx context.Context, a *mpblock.Account) error {
	f, err := x.Upstream.Front(ctx, a.AppID)
	if err != nil {
		return err
	}
	path := once(x.r.URL.EscapedPath())
	switch x.call.name {
	case mpblock.CallList:
		if f.Fresh {
			return x.pass(a, path)
		}
		if x.synced = f.Synced; f.Synced.IsZero() {
			return passage.ErrUnread.With(a.AppID)
		}
	case mpblock.CallFollowers:
		if f.Fresh || f.Followers.IsZero() {
			return x.pass(a, path)
		}
		x.synced = f.Followers
	case mpblock.CallBlock, mpblock.CallUnblock:
	case mpblock.CallQuota, mpblock.CallClearQuota, mpblock.CallRID, callPassed:
		if f.Passes(path) {
			return x.pass(a, path)
		}
	default: // who follows, the platform knows; and nobody would get a message from here
		if f.Passes(path) {
			return x.pass(a, path)
		}
		return wire.Refuse(wire.CodeUnauthorized, "calls of %s are not passed on to the platform: mpblock account pass %s --allow %s has them be", path, a.AppID, path)
	}
	return nil
}

// other passes on a call that is none here, if its account has that allowed.
func (x *exchange) other(ctx context.Context, path string) error {
	if x.Upstream == nil || x.RequireHTTPS && x.r.TLS == nil {
		return nil
	}
	app, _, ok := x.Access.Bearer(accessToken(x.r.URL.RawQuery))
	if !ok {
		return nil
	}
	f, err := x.Upstream.Front(ctx, app)
	if mpblock.KindOf(err) == mpblock.NotFound || err == nil && !f.Passes(path) {
		return nil
	}
	if err != nil {
		return err
	}
	x.call.name = callPassed
	_, err = x.authorize(ctx)
	return err
}

func (x *exchange) pass(a *mpblock.Account, path string) error {
	r := *x.r
	u := *r.URL
	u.Path, u.RawPath = path, ""
	r.URL = &u
	answer, err := x.Upstream.Pass(x.r.Context(), a.AppID, &r) // in the time that the platform may take, not the store
	if err != nil {
		return err
	}
	x.passed = answer
	return errPassed
}

// handOver writes the real platform's answer. End breaks the connection off where the
// answer did, so that nobody takes half of it for all.
func (x *exchange) handOver(w http.ResponseWriter) (size int, end func()) {
	defer x.passed.Body.Close() //nolint:errcheck // it has been read
	for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Length"} {
		if v := x.passed.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(x.passed.StatusCode)
	n, err := io.Copy(w, x.passed.Body)
	if err != nil {
		end = func() { panic(http.ErrAbortHandler) }
	}
	return int(n), end
}
