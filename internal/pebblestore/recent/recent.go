// Package recent has what an account of the embedded store remembers of its last changes,
// and what a batch does to an OpenID by them.
package recent

import (
	"cmp"
	"slices"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Last is the last change that took effect on an OpenID; Seq 0: there was none.
type Last struct {
	Seq     uint64
	Since   uint64 // which the entry belongs to, or belonged to; 0: as its value says, see codec.EncodeLast
	Before  uint64 // of an amend that is remembered, which the entry belonged to before
	Until   int64  // when the entry ends, in milliseconds; 0: never
	Blocked bool   // it is on the blacklist since
}

// Changes remembers the last changes of an account: those that are in no table yet,
// so what Pebble keeps in memory of them bounds what is kept here.
type Changes struct {
	Since uint64           // all changes behind this one are remembered
	All   []mpblock.Change // in order
	index index
	gone  uint64 // changes up to it are forgotten
}

// Add remembers a change.
func (r *Changes) Add(c mpblock.Change, took []codec.Effect) {
	for i := range took {
		e := &took[i]
		r.index.add(&e.ID, Last{c.Seq, cmp.Or(e.Since, c.Seq), e.Before, e.Until, c.Action != mpblock.Unblock})
	}
	r.All = append(r.All, c)
}

// Of returns the last change of an OpenID, if it is remembered.
func (r *Changes) Of(id *mpblock.OpenID) (Last, bool) {
	l := r.index.find(id)
	if l == nil || l.Seq <= r.gone {
		return Last{}, false
	}
	return *l, true
}

// forgetAtOnce is how many OpenIDs are forgotten at a time, or those of one change if
// it has more. When a table is written some hundred thousand may be, and nobody is to
// wait for that.
const forgetAtOnce = 512

// Forget forgets changes up to a seq, and tells whether it has forgotten all of them.
func (r *Changes) Forget(seq uint64) (all bool) {
	n, ids := 0, 0
	for ; n < len(r.All) && r.All[n].Seq <= seq && ids < forgetAtOnce; n++ {
		ids += len(r.All[n].OpenIDs)
		r.gone = r.All[n].Seq
		r.Since = r.gone
	}
	clear(r.All[:n])
	r.index.forget(r.gone)
	if r.All = r.All[n:]; len(r.All) == 0 {
		r.All, r.index = nil, index{}
	}
	return len(r.All) == 0 || r.All[0].Seq > seq
}

// At returns a change that is remembered.
func (r *Changes) At(seq uint64) (c mpblock.Change, ok bool) {
	at, ok := slices.BinarySearchFunc(r.All, seq, func(c mpblock.Change, seq uint64) int { return cmp.Compare(c.Seq, seq) })
	if ok {
		c = r.All[at]
	}
	return c, ok
}

// TouchedBy tells whether a batch takes effect on an OpenID whose last change that is.
func (l Last) TouchedBy(b mpblock.Batch) bool {
	return l.Blocked == (b.Action != mpblock.Block) && b.Only(l.Seq) &&
		(!b.Ended || l.Until != 0 && l.Until <= b.Time.UnixMilli())
}

// Effect returns what a batch does to an OpenID whose last change that is. Of a batch that
// gives entries back, Since is 0 where what is remembered does not say it, and Until is
// for the store to find.
func (l Last) Effect(b mpblock.Batch, id mpblock.OpenID) codec.Effect {
	e := codec.Effect{ID: id, Previous: l.Seq, Ended: l.Until, Until: mpblock.EndMilli(b.Until)}
	switch {
	case b.Action == mpblock.Amend:
		e.Before = cmp.Or(l.Since, l.Seq)
		if b.Undoes != 0 {
			e.Since = l.Before
		}
	case l.Blocked:
		e.Since = cmp.Or(l.Since, l.Seq)
	case b.Undoes != 0:
		e.Since = l.Since
	}
	return e
}
