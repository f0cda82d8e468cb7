// Package body reads the bodies of requests: one object of JSON, and nothing that could be
// read in two ways.
package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"mpblock"
)

// Errors of bodies.
var (
	ErrJSON  = mpblock.NewError(mpblock.Invalid, "body.json", "the body is not as described: %s")
	ErrLong  = mpblock.NewError(mpblock.Limited, "body.long", "the body has more than %d bytes, the most that is taken")
	ErrSlow  = mpblock.NewError(mpblock.Limited, "body.slow", "the body did not come in time: send it faster, or a list in shorter ones")
	ErrEmpty = mpblock.NewError(mpblock.Invalid, "body.empty", "the request has no body")
)

// plain is a value that reads a body by itself where that is as programs write it. Where it
// is not, ok is false, and what was read so far is read again.
type plain interface {
	Read(text []byte) (ok bool)
}

// Read reads a body of at most so many bytes: one object with no other fields than those of
// into, and none of them twice.
func Read(w http.ResponseWriter, r *http.Request, into any, most int64) error {
	raw, err := all(http.MaxBytesReader(w, r.Body, most), r.ContentLength, most)
	switch {
	case err != nil: // net/http takes the caller for gone as well where the body is slow or cut
		if err := Error(err, most); mpblock.KindOf(err) != mpblock.Internal || r.Context().Err() == nil {
			return err
		}
		return r.Context().Err()
	case len(bytes.TrimSpace(raw)) == 0:
		return ErrEmpty
	case !utf8.Valid(raw):
		return ErrJSON.With("it is no UTF-8")
	}
	if p, ok := into.(plain); ok && p.Read(raw) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return ErrJSON.With(text(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrJSON.With("something stands behind its one value")
	}
	names, ok := fields(raw)
	if !ok {
		return ErrJSON.With("it is no object")
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return ErrJSON.With("the field " + names[i] + " is there twice")
		}
	}
	return nil
}

// all reads a body of a size; -1: that is not known.
func all(r io.Reader, size, most int64) ([]byte, error) {
	if size <= 0 || size > most {
		return io.ReadAll(r)
	}
	raw := make([]byte, size)
	n, err := io.ReadFull(r, raw)
	return raw[:n], err
}

// Error turns what can be wrong with a body on its way into an error of ours.
func Error(err error, most int64) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return ErrLong.With(most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSlow
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrJSON.With("it ends before its time")
	}
	return err
}

// text says what is wrong with JSON in the words of what was sent.
func text(err error) string {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		field := kind.Field[strings.LastIndexByte(kind.Field, '.')+1:] // in front of it is a type of ours: no body has an object in it
		return article(kind.Value) + " in the place of " + field + wants(field, kind.Type)
	case errors.As(err, &kind):
		return article(kind.Value) + " in the place of an object"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends before its time"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func article(kind string) string {
	if kind == "array" || kind == "object" {
		return "an " + kind
	}
	return "a " + kind
}

// examples are of the fields whose text has a form of its own.
var examples = map[string]string{"ttl": `, as "90s"`, "expire_time": `, as "2026-01-31T09:00:00Z"`}

// wants says what a field is to hold.
func wants(field string, t reflect.Type) string {
	switch t.Kind() { //nolint:exhaustive // the others speak for themselves
	case reflect.String:
		return ": want a string" + examples[field]
	case reflect.Slice:
		return ": want an array"
	case reflect.Bool:
		return ": want true or false"
	}
	return ""
}

// fields returns the names of the fields of an object of JSON that has been read, in lower
// case, as they count in either. It looks at each byte once.
func fields(raw []byte) (names []string, ok bool) {
	if raw = bytes.TrimSpace(raw); raw[0] != '{' {
		return nil, false
	}
	depth, last := 0, ""
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			if depth == 1 {
				names = append(names, last)
			}
		case '"':
			begin := i
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if depth == 1 {
				var name string
				if err := json.Unmarshal(raw[begin:i+1], &name); err != nil {
					return nil, false
				}
				last = strings.ToLower(name)
			}
		}
	}
	return names, true
}
