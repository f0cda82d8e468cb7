package client

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is a refusal by the server.
type Error struct {
	Call    string // getblacklist, batchblacklist, ...
	Code    int    // errcode
	Message string // errmsg
	RID     string // the server's id of the request, where it tells one
	Detail  string // what is wrong with which input, where the server says it: mpblock's does, in X-Error-Detail
}

// Error returns call, code, message and detail. What the server wrote stands there without
// its control characters, so that it can be logged and shown on a terminal.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %d %s", e.Call, e.Code, printable(e.Message))
	if e.Detail != "" {
		s += ": " + printable(e.Detail)
	}
	if e.RID != "" {
		s += " (rid " + printable(e.RID) + ")"
	}
	return s
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Is tells whether target is an *Error with the same code, so that errors.Is works
// with the errors below.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Call == ""
}

// The refusals that programs tell apart, for errors.Is. Codes and their meanings
// are the platform's.
var (
	ErrSystem         error = &Error{Code: -1, Message: "system error"}
	ErrInvalidToken   error = &Error{Code: 40001, Message: "invalid access token"}
	ErrInvalidOpenID  error = &Error{Code: 40003, Message: "invalid openid"}
	ErrInvalidAppID   error = &Error{Code: 40013, Message: "invalid appid"}
	ErrListSize       error = &Error{Code: 40032, Message: "not 1 to 20 OpenIDs"}
	ErrInvalidSecret  error = &Error{Code: 40125, Message: "invalid secret"}
	ErrIPNotAllowed   error = &Error{Code: 40164, Message: "address not on the allow-list"}
	ErrTokenExpired   error = &Error{Code: 42001, Message: "access token expired"}
	ErrDailyQuota     error = &Error{Code: 45009, Message: "daily quota used up"}
	ErrTooFast        error = &Error{Code: 45011, Message: "too many calls this minute"}
	ErrUnauthorized   error = &Error{Code: 48001, Message: "the account may not make this call"}
	ErrNotThisAccount error = &Error{Code: 49003, Message: "OpenID of another account"}
	ErrLimitedUser    error = &Error{Code: 50002, Message: "the user is limited"}
	ErrRefusedUser    error = &Error{Code: 61016, Message: "not for this user"}
	ErrBusy           error = &Error{Code: 268487001, Message: "system busy"}
)

func newError(call string, code int, message, detail string) error {
	message, rid, _ := strings.Cut(message, " rid: ")
	return &Error{Call: call, Code: code, Message: message, RID: rid, Detail: detail}
}

// deadCodes are those with which the platform refuses a token that it had given out.
var deadCodes = []int{40001, 40014, 42001, 42007}

// DeadToken tells whether the server has refused the access token, so that another one is
// wanted. It does not where it found none in the call (41001).
func (e *Error) DeadToken() bool { return slices.Contains(deadCodes, e.Code) }

// UnknownOutcomeError is the error of a Block or Unblock that may have been sent, and
// whose answer was lost or cannot be understood: it may have happened. What was
// certainly never sent has another error.
type UnknownOutcomeError struct {
	Call string
	Err  error
}

// Error says what was lost.
func (e *UnknownOutcomeError) Error() string {
	return fmt.Sprintf("%s: the answer was lost, it may have happened: %v", e.Call, e.Err)
}

// Unwrap returns why.
func (e *UnknownOutcomeError) Unwrap() error { return e.Err }
