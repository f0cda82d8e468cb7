package lists

import (
	"regexp"
	"strings"

	"mpblock"
)

// fromConsole is the beginning of the actors that are operators.
const fromConsole = "console:"

// jobOf takes the actor of a job apart: its id ends in the name of the operator.
var jobOf = regexp.MustCompile(`^job:[0-9]+-[0-9a-f]+-(.+)$`)

// Operator returns the name of the operator behind an actor, "" if there is none: who
// worked by hand or started the job. An actor without a colon is a name.
func Operator(actor string) string {
	if name, ok := strings.CutPrefix(actor, fromConsole); ok {
		return name
	}
	if m := jobOf.FindStringSubmatch(actor); m != nil {
		return m[1]
	}
	if actor == mpblock.ActorAPI || strings.Contains(actor, ":") {
		return ""
	}
	return actor
}

// MadeBy tells whether an actor is the one who is asked for. "console:anna" asks for
// what anna did by hand or by jobs; any other text for that actor alone, "" for all.
func MadeBy(actor, asked string) bool {
	name, person := strings.CutPrefix(asked, fromConsole)
	return asked == "" || actor == asked || person && name != "" && Operator(actor) == name
}
