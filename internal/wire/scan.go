package wire

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested; the API's own are two deep.
const maxDepth = 256

// scanner reads JSON from one piece of memory and knows where it is, which
// encoding/json tells for some errors only, and then for the wrong place when
// quotes are curly: it is what the errors say that this is for.
type scanner struct {
	b     []byte
	text  string // b, of which the strings are pieces; "" while none was read
	i     int
	depth int
	// str0 is where the last string began, behind which a missing comma may mean
	// that its end was meant to be earlier.
	str0 int
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// fail returns an error for what was read from a place on: the lookalike there,
// if there is one, else the format. What stands behind the byte at hand is left
// out: it has not been read, and a quote there may be one of a text.
func (s *scanner) fail(from int, format string, args ...any) error {
	_, n := utf8.DecodeRune(s.b[s.i:])
	if l := typographic(s.b[from : s.i+n]); l != nil {
		return l.in(from)
	}
	return BadData(format, args...)
}

// unexpected returns an error for the byte at hand where want should stand.
func (s *scanner) unexpected(from int, want string) error {
	if s.i >= len(s.b) {
		return s.fail(from, "the body ends at byte %d, want %s", s.i, want)
	}
	r, n := utf8.DecodeRune(s.b[s.i:])
	switch {
	case r == '\'':
		return s.fail(from, "' at byte %d: JSON writes strings in straight double quotes \"", s.i)
	case r == utf8.RuneError && n == 1:
		return s.fail(from, "byte %d is not UTF-8, want %s", s.i, want)
	case r == '\ufeff':
		return BadData("a byte order mark (U+FEFF) at byte %d: leave it out", s.i)
	}
	return s.fail(from, "%q at byte %d, want %s", r, s.i, want)
}

// members reads what stands between a bracket, which has been read, and its end.
// member reads one; the scanner is at its first byte.
func (s *scanner) members(end byte, member func() error) error {
	if s.depth++; s.depth > maxDepth {
		return BadData("values are nested more than %d deep at byte %d", maxDepth, s.i)
	}
	defer func() { s.depth-- }()
	if s.space(); s.peek() == end {
		s.i++
		return nil
	}
	for {
		s.str0 = s.i
		if err := member(); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case end:
			s.i++
			return nil
		case ',':
			comma := s.i
			s.i++
			if s.space(); s.peek() == end {
				return BadData("a comma before %c, at byte %d: leave it out", end, comma)
			}
		default:
			return s.unexpected(s.str0, "a comma or "+string(end))
		}
	}
}

// key reads the name of a member and the colon behind it.
func (s *scanner) key() (string, error) {
	if s.peek() != '"' {
		return "", s.unexpected(s.i, "the name of a field in double quotes")
	}
	start := s.i
	key, err := s.str()
	if err != nil {
		return "", err
	}
	if s.space(); s.peek() != ':' {
		return "", s.unexpected(start, "a colon")
	}
	s.i++
	s.space()
	s.str0 = s.i
	return key, nil
}

// skip reads a value of any kind.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '{':
		s.i++
		return s.members('}', func() error {
			if _, err := s.key(); err != nil {
				return err
			}
			return s.skip()
		})
	case c == '[':
		s.i++
		return s.members(']', func() error { return s.skip() })
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.b[s.i:], []byte(word)) {
			s.i += len(word)
			return nil
		}
	}
	return s.unexpected(s.i, "a value")
}

func (s *scanner) digits() bool {
	start := s.i
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.i++
	}
	return s.i > start
}

// number reads a number as RFC 8259 has it.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return s.unexpected(s.i, "a digit")
	}
	if s.peek() == '.' {
		if s.i++; !s.digits() {
			return s.unexpected(s.i, "a digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		if s.i++; s.peek() == '+' || s.peek() == '-' {
			s.i++
		}
		if !s.digits() {
			return s.unexpected(s.i, "a digit")
		}
	}
	return nil
}

// str reads a string.
func (s *scanner) str() (string, error) {
	start := s.i
	s.i++
	plain := s.i
	var out strings.Builder
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			end := s.i
			s.i++
			if !utf8.Valid(s.b[start:s.i]) {
				return "", BadData("the string at byte %d is not UTF-8", start)
			}
			if out.Len() == 0 {
				if s.text == "" {
					s.text = string(s.b)
				}
				return s.text[plain:end], nil
			}
			out.Write(s.b[plain:end])
			return out.String(), nil
		case c == '\\':
			out.Write(s.b[plain:s.i])
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out.WriteRune(r)
			plain = s.i
		case c < ' ':
			return "", s.fail(start, "the string at byte %d holds a control character (U+%04X) at byte %d: end the string, or write \\n and the like", start, c, s.i)
		default:
			s.i++
		}
	}
	return "", s.fail(start, "the string at byte %d does not end", start)
}

// escape reads what begins with a backslash. Half of a surrogate pair becomes
// U+FFFD, as in encoding/json.
func (s *scanner) escape() (rune, error) {
	at := s.i
	s.i += 2
	if at+1 < len(s.b) {
		switch c := s.b[at+1]; c {
		case '"', '\\', '/':
			return rune(c), nil
		case 'b':
			return '\b', nil
		case 'f':
			return '\f', nil
		case 'n':
			return '\n', nil
		case 'r':
			return '\r', nil
		case 't':
			return '\t', nil
		case 'u':
			if r, ok := s.hex4(s.i); ok {
				s.i += 4
				return s.surrogates(r), nil
			}
		}
	}
	return 0, BadData("an escape that JSON does not have at byte %d: a backslash itself is written \\\\", at)
}

func (s *scanner) surrogates(r rune) rune {
	if !utf16.IsSurrogate(r) {
		return r
	}
	if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		if low, ok := s.hex4(s.i + 2); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				s.i += 6
				return both
			}
		}
	}
	return utf8.RuneError
}

func (s *scanner) hex4(at int) (r rune, ok bool) {
	if at+4 > len(s.b) {
		return 0, false
	}
	for _, c := range s.b[at : at+4] {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(d) //nolint:gosec // 0 to 15
	}
	return r, true
}
