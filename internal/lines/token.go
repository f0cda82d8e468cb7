package lines

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mpblock"
)

// tokenByte tells the characters of which OpenIDs are made.
var tokenByte = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
	}
	return t
}()

func isTokenRune(r rune) bool { return r < utf8.RuneSelf && tokenByte[r] }

// nextToken returns the first run of characters of which OpenIDs are made, and what
// is behind it; "" if there is none.
func nextToken(s string) (token, rest string) {
	from := 0
	for from < len(s) && !tokenByte[s[from]] {
		from++
	}
	to := from
	for to < len(s) && tokenByte[s[to]] {
		to++
	}
	return s[from:to], s[to:]
}

// scan returns the OpenIDs of a text, and the runs of the same characters beside
// them that are none. Names of fields and columns count as nothing.
func scan(text string) (ids []mpblock.OpenID, others []string) {
	for token, rest := nextToken(text); token != ""; token, rest = nextToken(rest) {
		if id, err := mpblock.ParseOpenID(token); err == nil {
			ids = append(ids, id)
		} else if !isName(token) {
			others = append(others, token)
		}
	}
	return ids, others
}

// damaged returns the first of some runs beside OpenIDs that may be what is left of
// one. A note may stand beside a single OpenID; beside several of them words are
// looked at more closely.
func damaged(ids int, others []string) (string, bool) {
	least := 14 // the longer half of an OpenID with a wrong character in it
	if ids > 1 {
		least = 8
	}
	for _, o := range others {
		if len(o) >= least && !wordlike(o) {
			return o, true
		}
	}
	return "", false
}

// wordlike tells words, numbers, dates and names-with-hyphens from what is as mixed
// as an OpenID.
func wordlike(token string) bool {
	for part := range strings.FieldsFuncSeq(token, func(r rune) bool { return r == '-' || r == '_' }) {
		digits := strings.Trim(part, "0123456789") == ""
		lower := strings.ToLower(part)
		letters := strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz") == ""
		alike := part[1:] == lower[1:] || part == strings.ToUpper(part)
		if !digits && (!letters || !alike) {
			return false
		}
	}
	return true
}

// suspect tells whether a text has something in it that is an OpenID or may be what
// is left of one.
func suspect(text string) bool {
	ids, others := scan(text)
	_, found := damaged(1, others)
	return len(ids) > 0 || found
}

// likely tells whether a text has something in it that is an OpenID or most of one.
func likely(text string) bool {
	ids, others := scan(text)
	return len(ids) > 0 || slices.ContainsFunc(others, func(o string) bool { return len(o) >= 20 && !wordlike(o) })
}

// isName tells whether a word names OpenIDs: as a column does, or a field of JSON.
// Case, marks and other scripts in it do not count.
func isName(word string) bool {
	if word == "" || len(word) > 64 || strings.ContainsAny(word, "0123456789") {
		return false
	}
	letters := strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, word)
	switch letters {
	case "openid", "openids", "openidlist", "useropenid", "wxopenid", "wechatopenid", "fromuseropenid", "fanopenid", "followeropenid":
		return true
	}
	return false
}

// exactName tells a name that is only that.
func exactName(word string) bool {
	if len(word) < len("openid") {
		return false
	}
	switch strings.ToLower(tidy(word)) {
	case "openid", "open_id", "open id", "open-id":
		return true
	}
	return false
}

// mentionsName tells whether the name of OpenIDs stands in a line; it is a cheap test
// before others.
func mentionsName(line string) bool {
	for rest := line; ; {
		i := strings.IndexAny(rest, "oO")
		if i < 0 || len(rest)-i < len("openid") {
			return false
		}
		if strings.EqualFold(rest[i:i+4], "open") {
			return true
		}
		rest = rest[i+1:]
	}
}

// blank tells whether a text has neither letters nor digits of any script in it.
func blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r == utf8.RuneError })
}

// invisible tells the characters that nobody sees and that come along when text is
// copied.
func invisible(r rune) bool {
	return r == '\u00ad' || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// codePoint names the first character of a text, as U+200B.
func codePoint(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	return fmt.Sprintf("U+%04X", r)
}

// isTitle tells what stands above a list, to be asked only before the first OpenID: a
// name for people in place of OpenID, or words of another script with hardly anything
// in them of which OpenIDs are made.
func isTitle(text string) bool {
	switch strings.ToLower(tidy(text)) {
	case "id", "uid", "user", "users", "user_id", "user id", "userid", "wxid", "follower", "followers", "fans", "blacklist":
		return true
	}
	made := 0
	for _, r := range text {
		if '！' <= r && r <= '～' { // the wide forms of them
			made++
		}
	}
	for token, rest := nextToken(text); token != ""; token, rest = nextToken(rest) {
		made += len(token)
	}
	foreign := strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf && r != utf8.RuneError && unicode.IsLetter(r) })
	return foreign && made <= 12
}
