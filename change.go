package mpblock

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Action is what a Change does to the OpenIDs it names.
type Action uint8

// The actions. Their values are stored; they never change their meaning.
const (
	Block   Action = 1
	Unblock Action = 2
	Amend   Action = 3 // gives who is blocked another reason and end
)

// String returns "block", "unblock" or "amend".
func (a Action) String() string {
	switch a {
	case Block:
		return "block"
	case Unblock:
		return "unblock"
	case Amend:
		return "amend"
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// Actors that are no operators.
const (
	ActorAPI    = "api"    // of every change that came through the API, by a token that was got with the account's own secret
	ActorExpiry = "expiry" // of those that unblock whose end has come
)

// ActorProgram is the beginning of the actors that are programs; the name is the rest.
const ActorProgram = ActorAPI + ":"

// MaxWrite is how many OpenIDs one write of a store takes.
const MaxWrite = 10_000

// MaxHeads is how many changes are read at once without their OpenIDs.
const MaxHeads = 10_000

// Limits of a Batch in bytes of UTF-8.
const (
	MaxActor  = 64
	MaxReason = 1_024
)

// Batch is what a caller asks a store to apply to one account's blacklist.
type Batch struct {
	Action  Action
	OpenIDs []OpenID  // 1 to MaxWrite, in any order; a duplicate counts once
	Actor   string    // 1 to MaxActor bytes: "api", "api:<program>", "console:<operator>", "job:<id>"
	Reason  string    // up to MaxReason bytes, may be empty
	Time    time.Time // of the caller's clock: see Date
	ID      RequestID // of the request that it is, if that is named: it is applied once

	// Known demands that every OpenID is a follower or blocked at the instant
	// of the change; otherwise nothing changes and Apply fails with *UnknownError.
	Known bool

	// Undoes, if not 0, is the Seq of the Change that is taken back: the batch takes
	// effect only on those OpenIDs whose last Change that is, at the instant of the
	// change, so that nothing is taken back that came after it. A Block then gives
	// entries back: see State.Since. Known is for all OpenIDs. An Amend, of a Change that
	// is one, has entries belong again to what they belonged to before. Neither takes
	// effect where the end that the entry would have again is not after the Change.
	Undoes uint64

	// Last, if not 0, has the batch take effect only on those OpenIDs whose last Change
	// that is, at the instant of the change: so nothing is changed but what its caller has
	// read. Of a batch that undoes, that is Undoes.
	Last uint64

	// Until is when the entries end, of a Block or an Amend that undoes nothing; zero:
	// never. The stores keep it to the millisecond, and do nothing when it comes: see
	// Lists.Due.
	Until time.Time

	// Ended, of an Unblock, has it take effect only on entries whose end is not after
	// Time. So an expiry is never early, and leaves alone what was changed since.
	Ended bool
}

// Validate tells what is wrong with a batch in terms of the limits above; every
// store calls it first.
func (b Batch) Validate() error {
	switch {
	case b.Action != Block && b.Action != Unblock && b.Action != Amend:
		return fmt.Errorf("mpblock: batch with %v, want block, unblock or amend", b.Action)
	case !b.Until.IsZero() && (b.Action == Unblock || b.Undoes != 0 || b.Until.UnixMilli() <= 0):
		return fmt.Errorf("mpblock: batch to %v that undoes change %d (0: none) with the end %v, want an end after 1970 with a block or an amend that undoes nothing", b.Action, b.Undoes, b.Until)
	case b.Last != 0 && b.Undoes != 0 && b.Last != b.Undoes:
		return fmt.Errorf("mpblock: batch that undoes change %d where %d is the last, want it to be the same", b.Undoes, b.Last)
	case b.Ended && b.Action != Unblock:
		return fmt.Errorf("mpblock: batch to %v what has ended, want to unblock it", b.Action)
	case len(b.OpenIDs) == 0 || len(b.OpenIDs) > MaxWrite:
		return fmt.Errorf("mpblock: batch of %d OpenIDs, want 1 to %d", len(b.OpenIDs), MaxWrite)
	case b.Actor == "" || len(b.Actor) > MaxActor:
		return fmt.Errorf("mpblock: batch with an actor of %d bytes, want 1 to %d", len(b.Actor), MaxActor)
	case len(b.Reason) > MaxReason:
		return fmt.Errorf("mpblock: batch with a reason of %d bytes, at most %d", len(b.Reason), MaxReason)
	}
	return nil
}

// Only tells whether the batch may take effect on an OpenID whose last Change has a seq.
func (b Batch) Only(last uint64) bool {
	only := cmp.Or(b.Undoes, b.Last)
	return only == 0 || only == last
}

// MaxRaise is how far the clocks of two who change the same blacklist are taken to be
// apart, so that the order of times within it is kept: see Batch.Date.
const MaxRaise = time.Minute

// Date returns the time of the Change that a batch becomes, when that of the account's
// last Change is last, zero where there is none. A time that lies at most MaxRaise
// before it is raised to it. A last Change that lies further ahead was dated by a clock
// that was wrong, and dates no other.
func (b Batch) Date(last time.Time) time.Time {
	t := time.UnixMilli(b.Time.UnixMilli()).UTC()
	if t.Before(last) && last.Sub(t) <= MaxRaise {
		return last
	}
	return t
}

// Change is one accepted step of an account's blacklist.
type Change struct {
	Seq    uint64    // 1, 2, 3 … per account, without gaps
	Time   time.Time // UTC, whole milliseconds; the order of changes is that of Seq, see Batch.Date
	Actor  string
	Action Action
	Reason string
	Undoes uint64    // Seq of the Change that this one takes back; 0: none
	Until  time.Time // UTC, whole milliseconds: when its entries end; zero: never

	// OpenIDs are those on which the change took effect, in byte order, each
	// once: what was blocked already is not in a block, and so on. Never empty.
	OpenIDs []OpenID
}

// MaxUntil is how far ahead an end may lie.
const MaxUntil = 10 * 366 * 24 * time.Hour

// EndAt returns an end as the stores keep it, by its milliseconds; 0: there is none.
func EndAt(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// EndMilli is the reverse of EndAt.
func EndMilli(end time.Time) int64 {
	if end.IsZero() {
		return 0
	}
	return end.UnixMilli()
}

// BelongedTo returns the Change that the entry of an OpenID belongs to, or belonged to
// last, by all changes of it, oldest first. Seq 0: it never had an entry.
func BelongedTo(history []Change) Change {
	for i := len(history) - 1; i >= 0; i-- {
		switch c := history[i]; {
		case c.Action == Unblock:
		case c.Undoes == 0:
			return c
		default:
			before, _ := slices.BinarySearchFunc(history[:i], c.Undoes, func(c Change, seq uint64) int { return cmp.Compare(c.Seq, seq) })
			return BelongedTo(history[:before])
		}
	}
	return Change{}
}

// DueEnd is the end of an entry.
type DueEnd struct {
	Until  time.Time
	AppID  AppID
	OpenID OpenID
}

// Compare orders ends as Lists.Due does: by time, account and OpenID.
func (d DueEnd) Compare(other DueEnd) int {
	return cmp.Or(d.Until.Compare(other.Until), cmp.Compare(d.AppID, other.AppID), d.OpenID.Compare(other.OpenID))
}

// Page is a piece of a list and the size of the whole at the same instant.
type Page struct {
	OpenIDs []OpenID // in byte order; may be shared: they must not be changed
	Total   int      // length of the whole list
	Seq     uint64   // of the account's last Change; 0 before the first
}

// State is what a store knows of one OpenID of one account.
type State struct {
	Follower bool
	Blocked  bool
	Seq      uint64 // of the last Change that names it; 0: there was none

	// Since is the Seq of the Change that the entry belongs to, where Blocked: the last
	// Block or Amend that names the OpenID, undoes nothing and is not undone. So an entry
	// that an undo gives back is as old as it was.
	Since uint64

	// Until is when the entry ends, where Blocked: the end of the Change that it belongs
	// to. Zero: never.
	Until time.Time
}
