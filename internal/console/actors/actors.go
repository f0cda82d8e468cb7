// Package actors says who made a change, or protected somebody.
package actors

import (
	"net/url"
	"strings"

	"mpblock/internal/console/web"
)

// Actor is who made a change, as people say it: operators by their name alone, and a job by
// its id, which leads to it. All is the address of all changes of a person.
type Actor struct{ Name, Job, All string }

// Of returns an actor as the pages of an account name it.
func Of(v *web.Visit, actor string) Actor {
	if id, ok := strings.CutPrefix(actor, "job:"); ok {
		return Actor{Name: v.Lang.Who(actor), Job: v.Base() + "/jobs/" + id}
	}
	if name := v.Lang.Who(actor); name != actor {
		return Actor{Name: name, All: ChangesOf(v, actor)}
	}
	return Actor{Name: actor}
}

// ChangesOf is the address of the changes of a person, and of the person's jobs.
func ChangesOf(v *web.Visit, actor string) string {
	return v.Base() + "/history?" + url.Values{"actor": {actor}}.Encode()
}
