// Package wire is the JSON of the platform's API: the only place that knows the
// names of its fields. It turns the body of a request into values, or into an
// error that says what is wrong and where, and values into the body of an answer.
// It knows no HTTP and no rules: whether an OpenID is a good one is not its
// business.
//
// What clients really send, and how far that is known, is in docs/divergences.md;
// package vectors holds requests with their answers as text.
package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mpblock"
)

// MaxBody is how long the body of a request may be, in bytes. Twenty OpenIDs take
// less than 1 KB.
const MaxBody = 64 << 10

// BadData returns the error for a body that is not what it should be: the errmsg
// goes on to say what is wrong, as the platform's own does for this code.
func BadData(format string, args ...any) *mpblock.Error {
	e := mpblock.Refuse(mpblock.CodeBadData, format, args...)
	e.Message += ": " + e.Detail
	return e
}

// ListRequest reads the body of getblacklist and returns its cursor, "" for the
// head: begin_openid, or next_openid where that is absent, null or empty. An empty
// body is the head too.
func ListRequest(body []byte) (cursor string, err error) {
	if len(body) == 0 {
		return "", nil
	}
	var begin, next string
	err = object(body, func(key string, s *scanner) (bool, error) {
		switch key {
		case "begin_openid":
			return true, s.stringOrNull(key, &begin)
		case "next_openid":
			return true, s.stringOrNull(key, &next)
		}
		return false, nil
	})
	if begin == "" {
		begin = next
	}
	return begin, err
}

// BatchRequest reads the body of batchblacklist or batchunblacklist and returns
// its list: openid_list, or opened_list, as the samples in the platform's document
// have it. Both at once are an error. A list that is absent or null is empty.
func BatchRequest(body []byte) (ids []string, err error) {
	var given string
	err = object(body, func(key string, s *scanner) (bool, error) {
		if key != "openid_list" && key != "opened_list" {
			return false, nil
		}
		if given != "" && given != key {
			return true, BadData("both openid_list and opened_list are given: write openid_list alone")
		}
		given = key
		ids, err = s.strings(key)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// StableToken is the body of stable_token.
type StableToken struct {
	GrantType, AppID, Secret string
	ForceRefresh             bool
}

// StableTokenRequest reads the body of stable_token. Fields that are absent or
// null are zero.
func StableTokenRequest(body []byte) (t StableToken, err error) {
	err = object(body, func(key string, s *scanner) (bool, error) {
		switch key {
		case "grant_type":
			return true, s.stringOrNull(key, &t.GrantType)
		case "appid":
			return true, s.stringOrNull(key, &t.AppID)
		case "secret":
			return true, s.stringOrNull(key, &t.Secret)
		case "force_refresh":
			return true, s.boolOrNull(key, &t.ForceRefresh)
		}
		return false, nil
	})
	return t, err
}

// object reads a body that is one JSON object. field is called at the value of
// each key, reads it if it knows the key, and tells whether it did. A known key
// that stands twice is an error: which one was meant is not ours to guess.
func object(body []byte, field func(key string, s *scanner) (known bool, err error)) error {
	s := &scanner{b: body}
	s.space()
	if s.peek() != '{' {
		return s.notAnObject()
	}
	s.i++
	seen := map[string]bool{}
	err := s.members('}', func() error {
		at := s.i
		key, err := s.key()
		if err != nil {
			return err
		}
		known, err := field(key, s)
		if !known {
			return s.skip()
		}
		if seen[key] {
			return BadData("%s stands twice, the second time at byte %d", key, at)
		}
		seen[key] = true
		return err
	})
	if err != nil {
		return err
	}
	if s.space(); s.i < len(s.b) {
		return s.fail(s.i, "there is more behind the end of the object, at byte %d", s.i)
	}
	return nil
}

// notAnObject says what a body is that does not begin with a brace.
func (s *scanner) notAnObject() error {
	rest := string(s.b[s.i:])
	switch {
	case rest == "":
		return BadData("the body is blank, want an object like {}")
	case strings.HasPrefix(rest, "\ufeff"):
		return BadData("a byte order mark (U+FEFF) at byte %d: leave it out", s.i)
	case strings.Contains(rest, "=") && strings.ContainsAny(rest[:1], "abcdefghijklmnopqrstuvwxyz"):
		return BadData("the body looks like a form: want JSON, an object like {\"openid_list\":[\"...\"]}")
	}
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	return BadData("the body is %s, want an object like {}", kindOf(s.b[start]))
}

func kindOf(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// wrongType reads the value at hand and says that it should be another one.
func (s *scanner) wrongType(name, want string) error {
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	return BadData("%s is %s at byte %d, want %s", name, kindOf(s.b[start]), start, want)
}

func (s *scanner) stringOrNull(name string, into *string) error {
	switch s.peek() {
	case '"':
		var err error
		*into, err = s.str()
		return err
	case 'n':
		return s.skip()
	}
	return s.wrongType(name, "a string")
}

func (s *scanner) boolOrNull(name string, into *bool) error {
	switch s.peek() {
	case 't', 'f', 'n':
		*into = s.peek() == 't'
		return s.skip()
	}
	return s.wrongType(name, "true or false")
}

// strings reads an array of strings, or null.
func (s *scanner) strings(name string) ([]string, error) {
	if s.peek() == 'n' {
		return nil, s.skip()
	}
	if s.peek() != '[' {
		return nil, s.wrongType(name, "an array of strings")
	}
	s.i++
	list := []string{}
	err := s.members(']', func() error {
		if s.peek() != '"' {
			return s.wrongType(fmt.Sprintf("%s[%d]", name, len(list)), "a string")
		}
		start := s.i
		v, err := s.str()
		if err != nil {
			return err
		}
		// No OpenID holds one, so it came from a text processor: say so, rather
		// than that the OpenID is too long.
		if slip := typographic(s.b[start:s.i]); slip != nil {
			return slip.in(start)
		}
		list = append(list, v)
		return nil
	})
	return list, err
}

// slip is a character that looks like one of JSON's and is none.
type slip struct {
	r    rune
	at   int
	what string
	want rune
}

// lookalikes are what text processors and input methods write instead of JSON's
// own characters.
var lookalikes = map[rune]struct {
	what string
	want rune
}{
	'“': {"a curly quote", '"'}, '”': {"a curly quote", '"'}, '„': {"a curly quote", '"'}, '‟': {"a curly quote", '"'},
	'‘': {"a curly quote", '"'}, '’': {"a curly quote", '"'}, '＂': {"a full-width quote", '"'}, '＇': {"a full-width quote", '"'},
	'「': {"a corner bracket", '"'}, '」': {"a corner bracket", '"'}, '『': {"a corner bracket", '"'}, '』': {"a corner bracket", '"'},
	'，': {"a full-width comma", ','}, '：': {"a full-width colon", ':'},
	'［': {"a full-width bracket", '['}, '］': {"a full-width bracket", ']'}, '【': {"a full-width bracket", '['}, '】': {"a full-width bracket", ']'},
	'｛': {"a full-width brace", '{'}, '｝': {"a full-width brace", '}'},
}

// typographic finds the first lookalike.
func typographic(b []byte) *slip {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf { // none of them is ASCII
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if l, ok := lookalikes[r]; ok {
			return &slip{r: r, at: i, what: l.what, want: l.want}
		}
		i += n
	}
	return nil
}

// in returns the error, for a slip in what begins at a place in the body.
func (l *slip) in(start int) error {
	return BadData("%c (U+%04X) at byte %d is %s: write a straight %c", l.r, l.r, start+l.at, l.what, l.want)
}
