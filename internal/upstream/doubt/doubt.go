// Package doubt says which readings of the platform's list are not taken over before a
// person has decided. The platform has answered for a day as if lists were empty or short,
// and a list that lies elsewhere than before may be another one.
package doubt

import "time"

// Cause is why a reading is in doubt; "": it is not, or nobody has written down why.
type Cause string

// The causes.
const (
	Short  Cause = "short"  // the list is shorter than it says itself
	Moved  Cause = "moved"  // it lies elsewhere since, and is another one than here
	Empty  Cause = "empty"  // nobody is on it, and somebody is blocked here
	Shrunk Cause = "shrunk" // too many of those blocked here are not on it
)

const (
	believed   = 5  // one in so many may be gone
	believeAny = 20 // so few may be gone in any case
)

// Gone tells whether so many of those here are missing that a list is not believed.
func Gone(here, missing int) bool { return missing > max(here/believed, believeAny) }

// Passing returns how many of a list may come and go while it is read, beside what its
// totals show.
func Passing(total int) int { return max(5, total/1_000) }

// Reading is what one reading of the platform's list has shown.
type Reading struct {
	Total   int // of the list, as it says itself
	Listed  int // OpenIDs that came
	Here    int // blocked here before
	Added   int // on the list and not blocked here
	Removed int // blocked here and not on the list

	Short bool // it is shorter than it says itself
	Moved bool // it is the first since the list lies elsewhere
}

// Cause returns why it is in doubt. Who has moved an account expects the same list there,
// as far as it has not changed meanwhile.
func (r Reading) Cause() Cause {
	switch {
	case r.Short:
		return Short
	case r.Moved && r.Added+r.Removed > r.Here/believed:
		return Moved
	case r.Listed == 0 && r.Removed > 0:
		return Empty
	case Gone(r.Here, r.Removed):
		return Shrunk
	}
	return ""
}

// Held is a reading that was not taken over.
type Held struct {
	At      time.Time `json:"at"`
	Cause   Cause     `json:"cause,omitempty"`
	Total   int       `json:"total"`            // of the platform's list then, as it says itself
	Listed  int       `json:"listed,omitempty"` // OpenIDs that came
	Added   int       `json:"added,omitempty"`  // who would be blocked here
	Removed int       `json:"removed"`          // who would be unblocked here
}

// Keys returns the keys of the words for what is in doubt.
func Keys() []string {
	return []string{"held.short", "held.moved", "held.empty", "held.shrunk"}
}

// Words returns the key of the words for why it was not taken over, and their arguments.
func (h Held) Words() (key string, args []any) {
	switch h.Cause {
	case Short:
		return "held.short", []any{h.Listed, h.Total, h.Removed}
	case Moved:
		return "held.moved", []any{h.Listed, h.Added, h.Removed}
	case Empty:
		return "held.empty", []any{h.Removed}
	case Shrunk:
	}
	return "held.shrunk", []any{h.Removed, h.Total}
}
