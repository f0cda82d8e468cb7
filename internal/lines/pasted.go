package lines

import (
	"strings"

	"mpblock"
)

// around are the marks that stand around what is copied from a message, a table or code.
const around = "\"'`“”‘’「」『』«»‹›<>()（）[]{}【】,，;；、.。 \t\r\n\u00a0\u3000"

// Pasted takes apart what somebody pasted into a field for one thing: the OpenIDs in
// it, and where there are none the text, without the marks around it, a name in front
// such as openid=, and what nobody sees.
func Pasted(s string) (text string, ids []mpblock.OpenID) {
	s = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if ids, _ = scan(s); len(ids) > 0 {
		return "", ids
	}
	s = strings.Trim(s, around)
	if i := strings.IndexAny(s, "=:："); i > 0 && isName(strings.Trim(s[:i], around)) {
		s = strings.Trim(strings.TrimLeft(s[i:], "=:："), around)
	}
	return strings.Join(strings.Fields(s), " "), nil
}

// MayBegin tells whether a text may be the beginning of an OpenID, or a whole one.
func MayBegin(text string) bool {
	token, rest := nextToken(text)
	return token == text && rest == "" && text != "" && len(text) <= mpblock.OpenIDLen
}
