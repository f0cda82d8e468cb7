// Package strict reads YAML and JSON that people write: a key that nobody knows, and a
// value that does not fit, are mistakes, each with its line and what to write instead.
package strict

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Text is what a mistake says, in English; apart from its arguments, so that it can be said
// in other languages.
type Text struct {
	Format string
	Args   []any
}

// Say returns a text.
func Say(format string, args ...any) Text { return Text{format, args} }

// String returns the text in English.
func (t Text) String() string { return fmt.Sprintf(t.Format, t.Args...) }

// Mistake is what is wrong with a text.
type Mistake struct {
	Line int  // from 1 on; 0: of the whole text
	What Text // names the key
	Fix  Text // what to write instead; empty if that goes without saying
}

// Error returns line, mistake and what to write instead.
func (m *Mistake) Error() string {
	s := m.What.String()
	if m.Line > 0 {
		s = fmt.Sprintf("line %d: %s", m.Line, s)
	}
	if m.Fix.Format != "" {
		s += "; " + m.Fix.String()
	}
	return s
}

// Decode reads a text into a struct, whose keys its yaml tags name. An error is a
// *Mistake. An empty text leaves the struct as it is.
func Decode(text []byte, into any) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(into); err != nil {
		return mistakeOf(err, keysOf(reflect.TypeOf(into)))
	}
	return nil
}

// Value reads a node into a value that reads itself: what an UnmarshalYAML calls, so that
// the mistake has its line. An error may be a *Mistake without one.
func Value(node ast.Node, to encoding.TextUnmarshaler) error {
	at := node.GetToken()
	err := to.UnmarshalText([]byte(at.Value))
	if err == nil {
		return nil
	}
	m := &Mistake{Line: at.Position.Line, What: Say("%v", err)}
	var own *Mistake
	if errors.As(err, &own) {
		m.What, m.Fix = own.What, own.Fix
	}
	return m
}

// mistakeOf turns an error of the YAML library, which speaks of Go's types.
func mistakeOf(err error, keys []string) *Mistake {
	var own *Mistake
	if errors.As(err, &own) {
		return own
	}
	var positioned yaml.Error
	if !errors.As(err, &positioned) {
		return &Mistake{What: Say("%v", err)}
	}
	m := &Mistake{What: Say("this cannot be read: %s", positioned.GetMessage())}
	value := ""
	if t := positioned.GetToken(); t != nil {
		m.Line, value = t.Position.Line, t.Value
	}
	var unknown *yaml.UnknownFieldError
	var kind *yaml.TypeError
	switch {
	case errors.As(err, &unknown):
		m.What, m.Fix = Say("there is no key %q", value), didYouMean(value, keys)
	case errors.As(err, &kind):
		m.What, m.Fix = Say("%q does not fit its key", value), wanted(kind.DstType)
	}
	return m
}

func wanted(t reflect.Type) Text {
	switch t.Kind() {
	case reflect.Int, reflect.Uint64:
		return Say("want a whole number")
	case reflect.Float64:
		return Say("want a number, as 0.1")
	case reflect.Bool:
		return Say("want true or false")
	case reflect.Slice:
		return Say("want a list, each with a - before it")
	case reflect.Struct:
		return Say("want keys, as {path: …}")
	default:
		return Say("want a text")
	}
}

// keysOf returns all keys that a type has, at any depth.
func keysOf(t reflect.Type) (all []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			all = append(all, name)
			all = append(all, keysOf(t.Field(i).Type)...)
		}
	}
	return all
}

func didYouMean(key string, keys []string) Text {
	best := slices.MinFunc(keys, func(a, b string) int {
		return levenshtein.ComputeDistance(key, a) - levenshtein.ComputeDistance(key, b)
	})
	if levenshtein.ComputeDistance(key, best) > 3 {
		return Say("there are: %s", strings.Join(slices.Compact(slices.Sorted(slices.Values(keys))), ", "))
	}
	return Say("did you mean %q?", best)
}

// LineOf returns the line of a node by its path, as $.rules[0].name, or of the nearest one above it that is there.
func LineOf(text []byte, at string) int {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return 0
	}
	for ; at != ""; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		p, err := yaml.PathString(at)
		if err != nil {
			continue
		}
		if node, err := p.FilterFile(file); err == nil && node.GetToken() != nil {
			return node.GetToken().Position.Line
		}
	}
	return 0
}
