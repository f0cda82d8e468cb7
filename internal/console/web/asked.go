package web

import (
	"strings"

	"mpblock"
)

// ActorAsked returns who is meant by what stands in an address: a name alone is an
// operator's.
func ActorAsked(text string) string {
	if text == "" || text == mpblock.ActorAPI || text == mpblock.ActorExpiry || strings.Contains(text, ":") {
		return text
	}
	return "console:" + text
}
