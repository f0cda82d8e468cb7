package lines

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"mpblock"
)

// Problem is why something is no OpenID. Key is stable: a door that speaks another
// language finds its words by it. Error is the English.
type Problem struct {
	Key  string
	Args []any
}

func (p *Problem) Error() string {
	text := render(problemTexts, p.Key, p.Args)
	if rest, one := strings.CutPrefix(text, "1 characters "); one {
		return "1 character " + rest
	}
	return text
}

// Keys of Problem, each with what its arguments are.
const (
	BadLength    = "length"    // characters that it has, that an OpenID has
	BadStart     = "start"     // the first character
	BadCharacter = "character" // a character, its place from 1 on
	BadEnd       = "end"       // the last character
	BadInvisible = "invisible" // a character, as U+200B
	BadNone      = "none"      // there is no OpenID in the line
	BadBesides   = "besides"   // it stands beside an OpenID and looks like a damaged one
	BadComment   = "comment"   // an OpenID, or what looks like one, in a comment
	BadLong      = "long"      // longer than so many KiB
	BadEmpty     = "empty"     // the column, from 1 on
	BadColumns   = "columns"   // columns of the line, the column of the OpenID
	BadOther     = "other"     // an OpenID in another column, where there are none else
	BadJSON      = "json"      // why it is not JSON
	BadField     = "field"     // the fields of an object lack an OpenID
	BadType      = "type"      // the JSON type that stands in place of a string
)

var problemTexts = map[string]string{
	BadLength:    "%d characters long, an OpenID has %d",
	BadStart:     "begins with %q, an OpenID begins with 'o'",
	BadCharacter: "%q at character %d, allowed are A-Z a-z 0-9 - _",
	BadEnd:       "ends with %q, the last character of an OpenID is one of AEIMQUYcgkosw048",
	BadInvisible: "an invisible character (%s) stands in the middle of the OpenID",
	BadNone:      "there is no OpenID in it",
	BadBesides:   "it stands beside an OpenID and looks like a damaged one",
	BadOther:     "an OpenID, or what looks like one, stands in another column of it",
	BadComment:   "an OpenID stands in a comment: take the # away, or the line",
	BadLong:      "longer than %d KiB",
	BadEmpty:     "column %d, where the OpenIDs are, is empty",
	BadColumns:   "columns: %d, the OpenID is in column %d",
	BadJSON:      "not JSON: %v",
	BadField:     `there is no field "openid" in it`,
	BadType:      `a JSON %s, want an OpenID as a string`,
}

func problem(key string, args ...any) *Problem { return &Problem{key, args} }

// explain says why a text, which is meant as an OpenID, is none.
func explain(text string) *Problem {
	text = strings.TrimFunc(text, func(r rune) bool {
		return !isTokenRune(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
	})
	if text == "" {
		return problem(BadNone)
	}
	for at, r := range text {
		if !invisible(r) {
			continue
		}
		seen := strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, text)
		if _, err := mpblock.ParseOpenID(seen); err == nil {
			return problem(BadInvisible, codePoint(text[at:]))
		}
		break
	}
	if strings.ContainsFunc(text, unicode.IsSpace) {
		return problem(BadNone)
	}
	n := utf8.RuneCountInString(text)
	if n != mpblock.OpenIDLen {
		return problem(BadLength, n, mpblock.OpenIDLen)
	}
	place := 0
	for _, r := range text {
		if place++; !isTokenRune(r) {
			return problem(BadCharacter, string(r), place)
		}
	}
	if text[0] != 'o' {
		return problem(BadStart, text[:1])
	}
	return problem(BadEnd, text[len(text)-1:])
}
