package walk

import (
	"regexp"
	"strings"
	"time"

	"mpblock"
)

// fromConsole is the beginning of the actors that are operators.
const fromConsole = "console:"

// jobOf takes the actor of a job apart: its id begins with a time, and ends in the name
// of the operator.
var jobOf = regexp.MustCompile(`^job:(([0-9]+)-[0-9a-f]+-(.+))$`)

// jobTime is the form of that time, in UTC.
const jobTime = "060102150405"

// JobOf returns the id of the job behind an actor, "" if there is none.
func JobOf(actor string) string {
	if m := jobOf.FindStringSubmatch(actor); m != nil {
		return m[1]
	}
	return ""
}

// Begun tells whether a job may have changes of a time, or was not there yet.
func Begun(job string, at time.Time) bool {
	begun, _, _ := strings.Cut(job, "-")
	return begun <= at.UTC().Format(jobTime)
}

// Operator returns the name of the operator behind an actor, "" if there is none: who
// worked by hand or started the job. An actor without a colon is a name.
func Operator(actor string) string {
	if name, ok := strings.CutPrefix(actor, fromConsole); ok {
		return name
	}
	if m := jobOf.FindStringSubmatch(actor); m != nil {
		return m[3]
	}
	if actor == mpblock.ActorAPI || actor == mpblock.ActorExpiry || strings.Contains(actor, ":") {
		return ""
	}
	return actor
}

// MadeBy tells whether an actor is the one who is asked for. "console:anna" asks for
// what anna did by hand or by jobs, "api" and "api:crm" likewise; any other text for that
// actor alone, "" for all.
func MadeBy(actor, asked string) bool {
	name, works := strings.CutPrefix(asked, fromConsole)
	if asked == mpblock.ActorAPI || strings.HasPrefix(asked, mpblock.ActorProgram) {
		works = true
	}
	return asked == "" || actor == asked || works && name != "" && Operator(actor) == name
}
