// Package checking reads and writes the bodies of a check, the call that programs make for
// every message: with no more work than there is in them.
package checking

import (
	"bytes"
	"strconv"
	"time"
)

// Body is what is asked.
type Body struct {
	OpenIDs []string `json:"openids"`
}

// Read reads a body that is as programs write it: an object of one list of strings without
// escapes, and nothing behind it. ok is false of any other, which may be as good.
func (b *Body) Read(text []byte) (ok bool) {
	s := scanner(text)
	if !s.skip('{') || !s.skip('"') || !s.begin(`openids"`) || !s.skip(':') || !s.skip('[') {
		return false
	}
	for {
		one, ok := s.text()
		if !ok {
			return false
		}
		b.OpenIDs = append(b.OpenIDs, one)
		if s.skip(',') {
			continue
		}
		return s.skip(']') && s.skip('}') && len(s.trimmed()) == 0
	}
}

// scanner is what is left of a text.
type scanner []byte

// trimmed is what is left behind blanks.
func (s *scanner) trimmed() []byte {
	for i, c := range *s {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return (*s)[i:]
		}
	}
	return nil
}

// skip goes behind a sign, and what is blank before it.
func (s *scanner) skip(sign byte) bool {
	rest := s.trimmed()
	if len(rest) == 0 || rest[0] != sign {
		return false
	}
	*s = rest[1:]
	return true
}

// begin goes behind a text that stands right there.
func (s *scanner) begin(text string) bool {
	rest, found := bytes.CutPrefix(*s, []byte(text))
	*s = rest
	return found
}

// text reads a string of printable ASCII without escapes.
func (s *scanner) text() (string, bool) {
	if !s.skip('"') {
		return "", false
	}
	for i, c := range *s {
		switch {
		case c == '"':
			one := string((*s)[:i])
			*s = (*s)[i+1:]
			return one, true
		case c == '\\' || c < ' ' || c > '~':
			return "", false
		}
	}
	return "", false
}

// Result tells of one OpenID.
type Result struct {
	OpenID  string
	Blocked bool
	Until   time.Time // zero: there is no end
}

// Append appends the answer: who is blocked at a revision. OpenIDs hold nothing that JSON
// has escapes for.
func Append(b []byte, results []Result, asOf uint64) []byte {
	b = append(b, `{"results":[`...)
	for i, r := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"openid":"`...)
		b = append(b, r.OpenID...)
		b = append(b, `","blocked":`...)
		b = strconv.AppendBool(b, r.Blocked)
		if !r.Until.IsZero() {
			b = append(b, `,"expire_time":"`...)
			b = append(r.Until.AppendFormat(b, time.RFC3339Nano), '"')
		}
		b = append(b, '}')
	}
	b = append(b, `],"as_of":`...)
	return append(strconv.AppendUint(b, asOf, 10), '}')
}

// Size is about as many bytes as an answer has of so many OpenIDs.
func Size(results int) int { return 40 + 64*results }
