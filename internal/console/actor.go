package console

import (
	"strings"

	"mpblock"
)

// actorView is who made a change, as people say it: operators by their name alone, and
// a job by its id, which leads to it.
type actorView struct{ Name, Job string }

func (v *visit) actor(actor string) actorView {
	if actor == mpblock.ActorAPI {
		return actorView{Name: v.Say(msg("actor.api"))}
	}
	if name, ok := strings.CutPrefix(actor, "console:"); ok {
		return actorView{Name: name}
	}
	if id, ok := strings.CutPrefix(actor, "job:"); ok {
		return actorView{Name: v.Say(msg("actor.job"), id), Job: v.Base() + "/jobs/" + id}
	}
	return actorView{Name: actor}
}
