package replica

import "time"

// WithTold has a function told of each revision when it is the list's.
func WithTold(told func(r *Replica, revision uint64)) Option {
	return func(r *Replica) { r.told = func(revision uint64) { told(r, revision) } }
}

// Filled returns a replica with some entries, every so many of which has an end.
func Filled(ids func(i int) string, n, every int) *Replica {
	b := newBuilder(n)
	for i := range n {
		k, _ := keyOf(ids(i))
		var end int64
		if every > 0 && i%every == 0 {
			end = 1 << 50
		}
		b.add(k, end)
	}
	r := &Replica{clock: time.Now}
	r.table.Store(b.table())
	return r
}

// Pieces returns how many pieces the list has.
func (r *Replica) Pieces() int { return len(r.table.Load().pieces) }

// Change blocks or unblocks as a change of the feed does.
func (r *Replica) Change(openID string, blocked bool) {
	k, _ := keyOf(openID)
	if blocked {
		r.table.Load().set(k, 0)
	} else {
		r.table.Load().remove(k)
	}
	if t := r.table.Load(); t.grown() != t {
		r.table.Store(t.grown())
	}
}

// End returns the end of an entry, 0 where there is none, 1 << 62 where it is for ever.
func (r *Replica) End(openID string) int64 {
	k, _ := keyOf(openID)
	switch end, ok := r.table.Load().find(&k); {
	case !ok:
		return 0
	case end == 0:
		return 1 << 62
	default:
		return end
	}
}
