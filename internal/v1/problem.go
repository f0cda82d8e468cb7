package v1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/jobs/queue"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	"mpblock/internal/v1/body"
)

// Errors of the native API alone.
var (
	errHTTPS        = mpblock.NewError(mpblock.Forbidden, "tls.needed", "this server answers calls over TLS only")
	errNoPath       = mpblock.NewError(mpblock.NotFound, "path.none", "there is no call at this path: /v1/openapi.yaml has those that there are")
	errMethod       = mpblock.NewError(mpblock.Invalid, "path.method", "%s is no method of this path: it has %s")
	errNoToken      = mpblock.NewError(mpblock.Unauthenticated, "token.missing", "the header Authorization is absent: want Bearer and an access token of /cgi-bin/token or /cgi-bin/stable_token")
	errTwoTokens    = mpblock.NewError(mpblock.Invalid, "token.twice", "there is an access token in the header Authorization and in the query: want one of them")
	errOtherAccount = mpblock.NewError(mpblock.Forbidden, "token.account", "the access token is of another account than %s, which the path names")
	errDenied       = mpblock.NewError(mpblock.Forbidden, "caller.call", "account %s may not call %s, nor what does the same here")
	errOwn          = mpblock.NewError(mpblock.Forbidden, "caller.own", "program %s may not do this, whatever its scopes: it takes an access token got with the secret of account %s itself")
	errItems        = mpblock.NewError(mpblock.Invalid, "items.bad", "%d of %d items are bad: errors has each with its index; nothing was changed")
	errItemCount    = mpblock.NewError(mpblock.Invalid, "items.count", "%d items: want 1 to %d")
	errNotBlocked   = mpblock.NewError(mpblock.NotFound, "block.none", "%s is not blocked")
	errField        = mpblock.NewError(mpblock.Invalid, "field", "%s: %s")
	errQuery        = mpblock.NewError(mpblock.Invalid, "query", "the parameter %s: %s")
	errQueryForm    = mpblock.NewError(mpblock.Invalid, "query.form", "the query cannot be read: %s")
	errBehind       = mpblock.NewError(mpblock.Unavailable, "revision.behind", "this node has not seen revision %d within %d s: try again")
	errWaits        = mpblock.NewError(mpblock.Unavailable, "revision.full", "%d callers wait for a revision at this node, the most there can be: try again")
	errUnmatched    = mpblock.NewError(mpblock.Conflict, "block.changed", "the entry is not the one that If-Match names: get it again")
	errBusy         = mpblock.NewError(mpblock.Unavailable, "block.busy", "others change this OpenID all the time: try again")
	errTime         = mpblock.NewError(mpblock.Unavailable, "time_out", "the server did not finish in time; what it was asked to change may have changed or not: try again")
)

// problem is an error as RFC 9457 has it.
type problem struct {
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail"`
	Code   string      `json:"code"` // never changes its meaning
	Errors []itemError `json:"errors,omitempty"`
	Begin  uint64      `json:"begin,omitempty"` // with 410: the first revision that can be read

	after int // seconds after which it may be tried again; 0: that is not known
}

// itemError is what is wrong with one item of several.
type itemError struct {
	Index  int    `json:"index"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// itemsError is an error of several items.
type itemsError struct {
	error
	items []itemError
}

func (e *itemsError) Unwrap() error { return e.error }

// statuses are those of the kinds.
var statuses = map[mpblock.Kind]int{
	mpblock.Invalid: http.StatusBadRequest, mpblock.NotFound: http.StatusNotFound, mpblock.Conflict: http.StatusConflict,
	mpblock.Forbidden: http.StatusForbidden, mpblock.Unauthenticated: http.StatusUnauthorized, mpblock.Limited: http.StatusTooManyRequests,
	mpblock.Unavailable: http.StatusServiceUnavailable,
}

// special are the statuses of errors that have another than their kind.
var special = map[string]int{
	errMethod.Key: http.StatusMethodNotAllowed, body.ErrLong.Key: http.StatusRequestEntityTooLarge, body.ErrSlow.Key: http.StatusRequestTimeout, errUnmatched.Key: http.StatusPreconditionFailed,
	errItems.Key: http.StatusUnprocessableEntity, feed.ErrGone.Key: http.StatusGone, past.ErrGone.Key: http.StatusGone,
}

// retryAfter is how many seconds it takes before what is unavailable may be there again.
const retryAfter = 1

// queueAfter is how many seconds it takes before one of many operations may have ended.
const queueAfter = 60

// problemOf returns an error as the native API answers it.
func problemOf(err error) *problem {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errTime
	}
	var own *mpblock.Error
	if !errors.As(err, &own) {
		own = mpblock.NewError(mpblock.Internal, "internal", "the fault is the server's, whose log has the rest")
	}
	p := &problem{Code: codeOf(own), Detail: detail(own), Status: statuses[own.Kind]}
	if s, ok := special[own.Key]; ok {
		p.Status = s
	}
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
	}
	p.Title = http.StatusText(p.Status)
	switch {
	case own.Kind == mpblock.Unavailable:
		p.after = retryAfter
	case own.Is(queue.ErrFull):
		p.after = queueAfter
	}
	if own.Is(feed.ErrGone) || own.Is(past.ErrGone) {
		p.Begin, _ = own.Args[1].(uint64)
	}
	var items *itemsError
	if errors.As(err, &items) {
		p.Errors = items.items
	}
	return p
}

// detail is the message with the causes that may be shown.
func detail(e *mpblock.Error) string {
	s := e.Message()
	var cause *mpblock.Error
	if errors.As(e.Err, &cause) {
		s += ": " + detail(cause)
	}
	return s
}

// families are keys whose special cases are one code here.
var families = []string{"openid.shape", "openid.foreign", "openid.unknown"}

func codeOf(e *mpblock.Error) string {
	for _, f := range families {
		if strings.HasPrefix(e.Key, f+".") {
			return f
		}
	}
	return e.Key
}

func itemErrorOf(index int, err error) itemError {
	p := problemOf(err)
	return itemError{Index: index, Code: p.Code, Detail: p.Detail}
}

// badItems is the error of items, nil if none is bad.
func badItems(bad []itemError, of int) error {
	if len(bad) == 0 {
		return nil
	}
	return &itemsError{errItems.With(len(bad), of), bad}
}

func clip(s string) string { return fmt.Sprintf("%q", lists.Clip(s)) }
