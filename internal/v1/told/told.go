// Package told has the changes of the feed as the native API tells of them.
package told

import (
	"time"

	"mpblock"
	"mpblock/internal/feed"
)

// Change is a change as the feed tells of it.
type Change struct {
	Revision   uint64     `json:"revision,omitempty"`
	Protection uint64     `json:"protection,omitempty"` // number of a change of who is protected, which has no revision
	Kind       feed.Kind  `json:"kind"`
	Time       time.Time  `json:"time"`
	Actor      string     `json:"actor"`
	Reason     string     `json:"reason"`
	ExpireTime *time.Time `json:"expire_time,omitempty"`
	Undoes     uint64     `json:"undoes,omitempty"`
	OpenIDs    []string   `json:"openids"`

	// ExpireTimes are the ends of the entries that an undo gives back; those who are not in
	// it have none.
	ExpireTimes map[string]time.Time `json:"expire_times,omitempty"`
}

// Of returns a change as it is told.
func Of(e feed.Event) Change {
	c := Change{
		Revision: e.Seq, Protection: e.Number, Kind: e.Kind, Time: e.Time, Actor: e.Actor, Reason: e.Reason, Undoes: e.Undoes, OpenIDs: Texts(e.OpenIDs),
	}
	if !e.Until.IsZero() {
		c.ExpireTime = &e.Until
	}
	if len(e.Ends) > 0 {
		c.ExpireTimes = make(map[string]time.Time, len(e.Ends))
		for id, end := range e.Ends {
			c.ExpireTimes[id.String()] = end
		}
	}
	return c
}

// Texts returns OpenIDs as texts.
func Texts(ids []mpblock.OpenID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}
