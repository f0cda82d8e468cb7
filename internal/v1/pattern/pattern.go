// Package pattern holds paths against patterns with names in them.
package pattern

import "strings"

// Pattern is a path, part by part: {name} stands for any one, and there may be a suffix
// behind it, as in {id}:cancel.
type Pattern []string

// Of returns the pattern of a text.
func Of(text string) Pattern { return strings.Split(text, "/") }

// Match holds the parts of a path against a pattern, and returns those that have names.
func (p Pattern) Match(path []string) (named map[string]string, ok bool) {
	if len(p) != len(path) {
		return nil, false
	}
	for i, want := range p {
		if want != path[i] && !strings.HasPrefix(want, "{") { // most patterns end here
			return nil, false
		}
	}
	named = map[string]string{}
	for i, want := range p {
		name, suffix, ok := strings.Cut(strings.TrimPrefix(want, "{"), "}")
		if !ok {
			continue
		}
		value, found := strings.CutSuffix(path[i], suffix)
		if !found || value == "" {
			return nil, false
		}
		named[name] = value
	}
	return named, true
}
