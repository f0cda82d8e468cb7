package console

import (
	"net/url"
	"strings"

	"mpblock"
)

// actorView is who made a change, as people say it: operators by their name alone, and
// a job by its id, which leads to it. All is the address of all changes of a person.
type actorView struct{ Name, Job, All string }

func (v *visit) actor(actor string) actorView {
	plain := map[string]msg{mpblock.ActorAPI: msg("actor.api"), mpblock.ActorExpiry: msg("actor.expiry"), "platform": msg("actor.platform")} // upstream.Platform
	if key, ok := plain[actor]; ok {
		return actorView{Name: v.Say(key), All: v.changesOf(actor)}
	}
	if name, ok := strings.CutPrefix(actor, mpblock.ActorProgram); ok {
		return actorView{Name: v.Say(msg("actor.program"), name), All: v.changesOf(actor)}
	}
	if name, ok := strings.CutPrefix(actor, "console:"); ok {
		return actorView{Name: name, All: v.changesOf(actor)}
	}
	if id, ok := strings.CutPrefix(actor, "job:"); ok {
		return actorView{Name: v.Say(msg("actor.job"), id), Job: v.Base() + "/jobs/" + id}
	}
	return actorView{Name: actor}
}

// changesOf is the address of the changes of a person, and of the person's jobs.
func (v *visit) changesOf(actor string) string {
	return v.Base() + "/history?" + url.Values{"actor": {actor}}.Encode()
}
