package native

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"mpblock/client"
)

// Error is a refusal by the server.
type Error struct {
	Status int         `json:"-"`      // of HTTP
	Code   string      `json:"code"`   // which never changes its meaning, as openid.foreign; "" where it is no answer of the native API
	Detail string      `json:"detail"` // what is wrong with which input
	Items  []ItemError `json:"errors"` // where it is about items: each that is bad
	Begin  uint64      `json:"begin"`  // with the status 410: where to begin again
}

// ItemError is what is wrong with one item of several.
type ItemError struct {
	Index  int    `json:"index"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error says what was answered.
func (e *Error) Error() string {
	what := e.Code
	if what == "" {
		what = http.StatusText(e.Status)
	}
	return fmt.Sprintf("the server answers %d %s: %s", e.Status, what, e.Detail)
}

// NoAPI tells whether an error says that the server has no native API, as the real platform
// has none.
func NoAPI(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "" && e.Status < 500
}

// Gone tells whether an error says that nobody can go on after a revision: the list is to be
// read anew.
func Gone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code != "" && e.Status == http.StatusGone
}

// passing are the return codes of a token's call that another try may not meet.
var passing = []int{-1, 45009, 45011, 268487001}

// Final tells whether an error is one that no patience mends, as a wrong secret.
func Final(err error) bool {
	var token *client.Error
	if errors.As(err, &token) {
		return !slices.Contains(passing, token.Code)
	}
	var e *Error
	if !errors.As(err, &e) || e.Status >= 500 {
		return false
	}
	return e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}
