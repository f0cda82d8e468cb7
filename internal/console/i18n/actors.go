package i18n

import (
	"strings"

	"mpblock"
)

// actorWords are the actors that are no person, program or job.
var actorWords = map[string]msg{
	mpblock.ActorAPI:    msg("actor.api"),
	mpblock.ActorExpiry: msg("actor.expiry"),
	"platform":          msg("actor.platform"), // upstream.Platform
	"admin":             msg("audit.machine"),
}

// Who returns how an actor is called: an operator by the name alone.
func (l Lang) Who(actor string) string {
	if key, ok := actorWords[actor]; ok {
		return l.Say(key)
	}
	if name, ok := strings.CutPrefix(actor, mpblock.ActorProgram); ok {
		return l.Say(msg("actor.program"), name)
	}
	if id, ok := strings.CutPrefix(actor, "job:"); ok {
		return l.Say(msg("actor.job"), id)
	}
	return strings.TrimPrefix(actor, "console:")
}
