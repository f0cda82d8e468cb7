// Package actors says who made a change, or protected somebody.
package actors

import (
	"net/url"
	"strings"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Actor is who made a change, as people say it: operators by their name alone, and a job by
// its id, which leads to it. All is the address of all changes of a person.
type Actor struct{ Name, Job, All string }

// Of returns an actor as the pages of an account name it.
func Of(v *web.Visit, actor string) Actor {
	plain := map[string]msg{mpblock.ActorAPI: msg("actor.api"), mpblock.ActorExpiry: msg("actor.expiry"), "platform": msg("actor.platform")} // upstream.Platform
	if key, ok := plain[actor]; ok {
		return Actor{Name: v.Say(key), All: ChangesOf(v, actor)}
	}
	if name, ok := strings.CutPrefix(actor, mpblock.ActorProgram); ok {
		return Actor{Name: v.Say(msg("actor.program"), name), All: ChangesOf(v, actor)}
	}
	if name, ok := strings.CutPrefix(actor, "console:"); ok {
		return Actor{Name: name, All: ChangesOf(v, actor)}
	}
	if id, ok := strings.CutPrefix(actor, "job:"); ok {
		return Actor{Name: v.Say(msg("actor.job"), id), Job: v.Base() + "/jobs/" + id}
	}
	return Actor{Name: actor}
}

// ChangesOf is the address of the changes of a person, and of the person's jobs.
func ChangesOf(v *web.Visit, actor string) string {
	return v.Base() + "/history?" + url.Values{"actor": {actor}}.Encode()
}

// Name returns how whoever has protected somebody is called.
func Name(v *web.Visit, by string) string {
	if by == "admin" {
		return v.Say(msg("audit.machine"))
	}
	return Of(v, by).Name
}
