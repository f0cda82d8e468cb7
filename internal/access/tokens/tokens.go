// Package tokens has the access tokens of one credential: which were given out and
// still count, when another takes their place, and their text, which is signed.
//
// It promises that a token which was forged is never read, and that a new secret ends
// those got with the old one. Where the state is kept, and who may have a token, it
// leaves to others.
package tokens

import (
	"slices"
	"time"

	"mpblock"
)

// Times of the access tokens, from the platform's documentation of the two calls.
const (
	Life          = 7200 * time.Second // of both kinds
	overlap       = 5 * time.Minute    // a superseded token stays good; a stable one is renewed before its end
	ForcedPerDay  = 20                 // forced refreshes that are granted
	ForcedApart   = 30 * time.Second   // between two of them
	MaxSuperseded = 64                 // tokens that are remembered as superseded; the platform's own limit is not known
)

// The two kinds of tokens, as a token bears them.
const (
	Plain  = 't'
	Stable = 's'
)

// Issued is a token that was given out. Times are Unix milliseconds, so that the
// same token can be made again from the store.
type Issued struct {
	Serial  uint64 `json:"serial"`
	Expires int64  `json:"expires"`
}

// Left returns how long the token is still good.
func (i Issued) Left(now time.Time) time.Duration { return time.UnixMilli(i.Expires).Sub(now) }

// Fresh tells whether a stable token is to be handed out again. One that ends later
// than a new one would is of a clock that was ahead.
func (i Issued) Fresh(now time.Time, life time.Duration) bool {
	left := i.Left(now)
	return left > min(overlap, life/2) && left <= life
}

// State is what the store keeps of a credential's tokens.
type State struct {
	Epoch  uint64 `json:"epoch"` // of the secret, when this was written; of another epoch it is as if empty
	Last   uint64 `json:"last"`  // serial given out
	Plain  Issued `json:"plain"`
	Stable Issued `json:"stable"`

	// Superseded are plain tokens that a newer one replaced, each with the end of
	// its overlap, the oldest first.
	Superseded []Issued `json:"superseded,omitempty"`
	// Former is the stable token before Stable, which runs out by itself.
	Former Issued `json:"former"`

	ForcedDay  string `json:"forced_day,omitempty"` // day, in the platform's time, of the count
	Forced     int    `json:"forced,omitempty"`     // refreshes granted on that day
	LastForced int64  `json:"last_forced,omitempty"`
}

// Of returns the state as it is to be seen in an epoch: a new secret forgets the
// tokens, and keeps the serials and the count of forced refreshes.
func (t State) Of(epoch uint64) State {
	if t.Epoch == epoch {
		return t
	}
	return State{Epoch: epoch, Last: t.Last, ForcedDay: t.ForcedDay, Forced: t.Forced, LastForced: t.LastForced}
}

// Good tells whether a token that is well signed and has not expired is one that
// still counts.
func (t *State) Good(kind byte, serial uint64, now time.Time) bool {
	if kind == Stable {
		return serial == t.Stable.Serial || serial == t.Former.Serial
	}
	return serial == t.Plain.Serial || slices.ContainsFunc(t.Superseded, func(i Issued) bool {
		return i.Serial == serial && i.Left(now) > 0
	})
}

func (t *State) issue(now time.Time, life time.Duration) Issued {
	t.Last++
	return Issued{Serial: t.Last, Expires: now.Add(life).UnixMilli()}
}

// IssuePlain issues a plain token; the one before it stays good for a while.
func (t *State) IssuePlain(now time.Time, life time.Duration) {
	kept := slices.DeleteFunc(slices.Clone(t.Superseded), func(i Issued) bool { return i.Left(now) <= 0 })
	if t.Plain.Left(now) > 0 {
		kept = append(kept, Issued{Serial: t.Plain.Serial, Expires: now.Add(overlap).UnixMilli()})
	}
	t.Superseded = kept[max(0, len(kept)-MaxSuperseded):]
	t.Plain = t.issue(now, life)
}

// IssueStable issues a stable token where the present one nears its end, or where
// another is forced and that is granted: the present one is then bad at once.
func (t *State) IssueStable(now time.Time, life time.Duration, force bool) {
	switch fresh := t.Stable.Fresh(now, life); {
	case force && t.Stable.Serial != 0 && t.mayForce(now):
		t.Former = Issued{}
		t.Stable = t.issue(now, life)
	case !fresh:
		t.Former = t.Stable
		t.Stable = t.issue(now, life)
	}
}

// mayForce tells whether a forced refresh is granted, and counts it.
func (t *State) mayForce(now time.Time) bool {
	day := mpblock.Day(now)
	if t.ForcedDay != day {
		t.ForcedDay, t.Forced = day, 0
	}
	since := now.Sub(time.UnixMilli(t.LastForced)) // negative: of a clock that was ahead
	if t.Forced >= ForcedPerDay || since >= 0 && since < ForcedApart {
		return false
	}
	t.Forced++
	t.LastForced = now.UnixMilli()
	return true
}

// Drop forgets a token.
func (t *State) Drop(kind byte, serial uint64) {
	is := func(i Issued) bool { return i.Serial == serial }
	for _, i := range []*Issued{&t.Plain, &t.Stable, &t.Former} {
		if is(*i) && (kind == Plain) == (i == &t.Plain) {
			*i = Issued{}
		}
	}
	t.Superseded = slices.DeleteFunc(slices.Clone(t.Superseded), is)
}
