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
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxBody is how long the body of a request may be, in bytes. Twenty OpenIDs take
// less than 1 KB.
const MaxBody = 64 << 10

// BadData returns the error for a body that is not what it should be: the errmsg
// goes on to say what is wrong, as the platform's own does for this code.
func BadData(format string, args ...any) *Error {
	e := Refuse(CodeBadData, format, args...)
	e.Message += ": " + e.Detail
	return e
}

// The objects that the calls want, for the errors that say so.
const (
	wantList   = `{"begin_openid":""}`
	wantBatch  = `{"openid_list":["..."]}`
	wantStable = `{"grant_type":"client_credential","appid":"...","secret":"..."}`
)

// ListRequest reads the body of getblacklist and returns its cursor, "" for the
// head: begin_openid, or next_openid where that is absent, null or empty. An empty
// body is the head too, and so are null and an empty array: what PHP makes of an
// array without keys.
func ListRequest(body []byte) (cursor string, err error) {
	if len(body) == 0 || nothing(body) {
		return "", nil
	}
	var begin, next string
	err = object(body, wantList, func(key string, s *scanner) (bool, error) {
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

// nothing tells whether a body is null or an empty array.
func nothing(body []byte) bool {
	text := bytes.Trim(body, " \t\r\n")
	if string(text) == "null" {
		return true
	}
	return len(text) >= 2 && text[0] == '[' && text[len(text)-1] == ']' && len(bytes.Trim(text[1:len(text)-1], " \t\r\n")) == 0
}

// BatchRequest reads the body of batchblacklist or batchunblacklist and returns
// its list: openid_list, or opened_list, as the samples in the platform's document
// have it. Both at once are an error. A list that is null is empty, and so is one that
// is absent, unless the body has something else: that is told.
func BatchRequest(body []byte) (ids []string, err error) {
	var given, other string
	err = object(body, wantBatch, func(key string, s *scanner) (bool, error) {
		if key != "openid_list" && key != "opened_list" {
			other = cmp.Or(other, key)
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
	if given == "" && other != "" {
		return nil, Refuse(CodeBadListSize, "openid_list is missing; the body has %q", clip(other))
	}
	return ids, nil
}

// clip returns the beginning of a name that a client made up.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}

// StableToken is the body of stable_token.
type StableToken struct {
	GrantType, AppID, Secret string
	ForceRefresh             bool
}

// StableTokenRequest reads the body of stable_token. Fields that are absent or
// null are zero.
func StableTokenRequest(body []byte) (t StableToken, err error) {
	err = object(body, wantStable, func(key string, s *scanner) (bool, error) {
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

// object reads a body that is one JSON object, such as want. field is called at the value of
// each key, reads it if it knows the key, and tells whether it did. A known key
// that stands twice is an error: which one was meant is not ours to guess.
func object(body []byte, want string, field func(key string, s *scanner) (known bool, err error)) error {
	s := &scanner{b: body}
	s.space()
	if s.peek() != '{' {
		return s.notAnObject(want)
	}
	if err := s.fields(field); err != nil {
		return err
	}
	if s.space(); s.i < len(s.b) {
		return s.fail(s.i, "there is more behind the end of the object, at byte %d", s.i)
	}
	return nil
}

// fields reads an object, at the brace of which the scanner is.
func (s *scanner) fields(field func(key string, s *scanner) (known bool, err error)) error {
	s.i++
	seen := map[string]bool{}
	return s.members('}', func() error {
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
}

// notAnObject says what a body is that does not begin with a brace.
func (s *scanner) notAnObject(want string) error {
	rest := string(s.b[s.i:])
	for _, other := range []struct{ begin, what string }{
		{"\ufeff", "begins with a byte order mark (U+FEFF): leave it out"},
		{"\x1f\x8b", "is compressed (gzip): send it as it is"},
		{"x\x9c", "is compressed (zlib): send it as it is"},
		{"--", "is multipart"},
		{"%7B", "is percent-encoded"}, {"%7b", "is percent-encoded"}, {"%5B", "is percent-encoded"}, {"%5b", "is percent-encoded"},
	} {
		if strings.HasPrefix(rest, other.begin) {
			return BadData("the body %s: want JSON, an object like %s", other.what, want)
		}
	}
	switch {
	case rest == "":
		return BadData("the body is blank, want an object like %s", want)
	case strings.Contains(rest, "=") && strings.ContainsAny(rest[:1], "abcdefghijklmnopqrstuvwxyz"):
		return BadData("the body looks like a form: want JSON, an object like %s", want)
	}
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	return BadData("the body is %s, want an object like %s", kindOf(s.b[start]), want)
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

// usualList is for how many strings there is room from the beginning: as many as a batch has.
const usualList = 20

// strings reads an array of strings, or null.
func (s *scanner) strings(name string) ([]string, error) {
	list := make([]string, 0, usualList)
	err := s.array(name, "strings", func() error {
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

// array reads an array, or null, which is as if empty. element reads one of what the
// array is of; the scanner is at its first byte.
func (s *scanner) array(name, of string, element func() error) error {
	switch s.peek() {
	case 'n':
		return s.skip()
	case '[':
		s.i++
		return s.members(']', element)
	}
	return s.wrongType(name, "an array of "+of)
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
