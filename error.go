package mpblock

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what an error means to whoever asked, through whatever door.
type Kind string

// The kinds. Doors and programs know them by these texts, which never change.
const (
	Invalid         Kind = "invalid"         // what was asked for makes no sense, now or ever
	NotFound        Kind = "not found"       // what it is about does not exist
	Conflict        Kind = "conflict"        // it makes sense, but not as things stand
	Forbidden       Kind = "forbidden"       // who asks may not
	Unauthenticated Kind = "unauthenticated" // who asks did not prove who they are
	Limited         Kind = "limited"         // too often, or too many
	Unavailable     Kind = "unavailable"     // it cannot be done here, or not now
	Internal        Kind = "internal"        // the fault is not of who asks; the log has the rest
)

// Error is an error that tells whoever asked what is wrong. A door finds its codes,
// statuses and words by Kind and Key, and puts Args into the words; it never looks at
// a text. A package declares its errors once, with NewError, and returns them with
// their arguments: a refusal. An error that neither is nor wraps an *Error is Internal.
//
// None of its parts ever holds a secret or a token.
type Error struct {
	Kind Kind
	Key  string // names it and never changes; dots lead from the general to the special
	Text string // in English, for logs and commands: a format for Args
	Args []any  // the same, in this order, for every language
	At   string // which of several inputs it is about, as in list[3]; else empty
	Err  error  // the cause; an *Error may be shown too, any other is for the log alone
}

// NewError declares an error. It may be returned as it is if its text takes no
// arguments.
func NewError(kind Kind, key, text string) *Error { return &Error{Kind: kind, Key: key, Text: text} }

// With returns the error with its arguments.
func (e *Error) With(args ...any) *Error {
	with := *e
	with.Args = args
	return &with
}

// Because returns the error with its cause.
func (e *Error) Because(err error) *Error {
	with := *e
	with.Err = err
	return &with
}

// At returns an error with the name of the input that it is about. One that is no
// *Error is returned as it is.
func At(err error, format string, args ...any) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.At = fmt.Sprintf(format, args...)
	return &at
}

// Message says in English what is wrong, without the cause.
func (e *Error) Message() string {
	s := e.Text
	if len(e.Args) > 0 {
		s = fmt.Sprintf(e.Text, e.Args...)
	}
	if e.At != "" {
		s = e.At + ": " + s
	}
	return s
}

// Error returns the message and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message()
	}
	return e.Message() + ": " + e.Err.Error()
}

// Is tells whether an error is the other one or a special case of it, by their keys.
func (e *Error) Is(other error) bool {
	o, ok := other.(*Error)
	return ok && (e.Key == o.Key || strings.HasPrefix(e.Key, o.Key+"."))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
