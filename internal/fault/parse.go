package fault

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// Limits of a plan, far beyond what one is written with.
const (
	MaxBytes = 1 << 20
	MaxRules = 1000
)

// Mistake is what is wrong with the text of a plan.
type Mistake struct {
	Line int    // from 1 on; 0: of the whole text
	What string // names the key
	Fix  string // what to write instead; "" if that goes without saying
}

// Error returns line, mistake and what to write instead.
func (m *Mistake) Error() string {
	s := m.What
	if m.Line > 0 {
		s = fmt.Sprintf("line %d: %s", m.Line, s)
	}
	if m.Fix != "" {
		s += "; " + m.Fix
	}
	return s
}

// Parse reads a plan in YAML or JSON. An error is a *Mistake: an unknown key is one.
func Parse(text []byte) (Plan, error) {
	if len(text) > MaxBytes {
		return Plan{}, &Mistake{What: fmt.Sprintf("the plan has more than %d bytes", MaxBytes)}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var p Plan
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&p); err != nil && len(bytes.TrimSpace(text)) > 0 {
		return Plan{}, mistakeOf(err)
	}
	for _, f := range p.flaws() {
		return Plan{}, &Mistake{Line: lineOf(text, f.at), What: f.what, Fix: f.fix}
	}
	return p, nil
}

// Check tells what is wrong with a plan that no text is of: a *Mistake without a line.
func (p Plan) Check() error {
	for _, f := range p.flaws() {
		return &Mistake{What: f.what, Fix: f.fix}
	}
	return nil
}

// mistakeOf turns an error of the YAML library, which speaks of Go's types.
func mistakeOf(err error) *Mistake {
	var own *Mistake
	if errors.As(err, &own) {
		return own
	}
	var positioned yaml.Error
	if !errors.As(err, &positioned) {
		return &Mistake{What: err.Error()}
	}
	m := &Mistake{What: positioned.GetMessage()}
	value := ""
	if t := positioned.GetToken(); t != nil {
		m.Line, value = t.Position.Line, t.Value
	}
	var unknown *yaml.UnknownFieldError
	var kind *yaml.TypeError
	switch {
	case errors.As(err, &unknown):
		m.What, m.Fix = fmt.Sprintf("there is no key %q", value), didYouMean(value)
	case errors.As(err, &kind):
		m.What, m.Fix = fmt.Sprintf("%q does not fit its key", value), "want "+wanted(kind.DstType)
	}
	return m
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number, as 0.1"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list, each with a - before it"
	case reflect.Struct:
		return "keys, as {path: …}"
	default:
		return "a text"
	}
}

// keys are all that a plan knows, in the order of their structs.
var keys = keysOf(reflect.TypeFor[Plan]())

func keysOf(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		all = append(all, name)
		switch kind := f.Type; {
		case kind.Kind() == reflect.Struct:
			all = append(all, keysOf(kind)...)
		case kind.Kind() == reflect.Slice:
			all = append(all, keysOf(kind.Elem())...)
		}
	}
	return all
}

func didYouMean(key string) string {
	best := slices.MinFunc(keys, func(a, b string) int {
		return levenshtein.ComputeDistance(key, a) - levenshtein.ComputeDistance(key, b)
	})
	if levenshtein.ComputeDistance(key, best) > 3 {
		return "docs/emulator.md lists the keys"
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// lineOf returns the line of a node, or of the nearest one above it that is there.
func lineOf(text []byte, at string) int {
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

//go:embed plans/*.yaml
var readyMade embed.FS

// ReadyMade returns the text of a plan that comes with mpblock, and whether there is
// one of that name.
func ReadyMade(name string) ([]byte, bool) {
	text, err := readyMade.ReadFile(path.Join("plans", name+".yaml"))
	return text, err == nil
}

// ReadyMades returns the names of the plans that come with mpblock, in order.
func ReadyMades() []string {
	files, _ := fs.ReadDir(readyMade, "plans") // is embedded: it does not fail
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}
