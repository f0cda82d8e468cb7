// Package standing finds what became of changes: whether others undo them, and those in turn.
package standing

import (
	"cmp"
	"context"

	"mpblock"
)

// Standing is what became of a change: another may undo it, a third one that, and so on.
type Standing struct {
	Undoes   uint64 // the change that it undoes itself; 0: none
	UndoneBy uint64 // the change by which it is undone now; 0: it is in effect
	RedoneBy uint64 // the change by which it is in effect again; 0: it was never undone, or is undone now
	Redoes   bool   // to undo Last is to redo what was done at first
}

// Last returns the last change of those that undo one another from a change with a seq
// on: the one to undo for whoever wants that change undone, or redone.
func (s Standing) Last(seq uint64) uint64 { return cmp.Or(s.UndoneBy, s.RedoneBy, seq) }

// maxUndos is how far a chain of undos is followed.
const maxUndos = 100

// Of is a change by its seq, and how it stands: of that Undoes is known.
type Of struct {
	Seq uint64
	*Standing
}

// Find fills in how changes stand. It takes two reads, and two more for each time that
// one of them was undone.
func Find(ctx context.Context, store mpblock.Lists, app mpblock.AppID, rows []Of) error {
	later, earlier := map[*Standing]uint64{}, map[*Standing]uint64{}
	for _, r := range rows {
		later[r.Standing] = r.Seq
		if r.Undoes != 0 {
			earlier[r.Standing] = r.Undoes
		}
	}
	for n := 0; n < maxUndos && len(later)+len(earlier) > 0; n++ {
		if err := step(later, func(seqs []uint64) ([]uint64, error) { return store.Undone(ctx, app, seqs) }, func(r *Standing, by uint64) {
			if r.UndoneBy == 0 {
				r.UndoneBy, r.RedoneBy = by, 0
			} else {
				r.UndoneBy, r.RedoneBy = 0, by
			}
			r.Redoes = !r.Redoes
		}); err != nil {
			return err
		}
		for r := range earlier {
			r.Redoes = !r.Redoes
		}
		if err := step(earlier, func(seqs []uint64) ([]uint64, error) {
			heads, err := store.ChangeHeads(ctx, app, seqs)
			of := make([]uint64, len(heads))
			for i, head := range heads {
				of[i] = head.Undoes
			}
			return of, err
		}, func(*Standing, uint64) {}); err != nil {
			return err
		}
	}
	return nil
}

// step goes on by one change from where rows are, and forgets those that are at an end.
func step(at map[*Standing]uint64, read func([]uint64) ([]uint64, error), do func(*Standing, uint64)) error {
	if len(at) == 0 {
		return nil
	}
	rows, seqs := make([]*Standing, 0, len(at)), make([]uint64, 0, len(at))
	for r, seq := range at {
		rows, seqs = append(rows, r), append(seqs, seq)
	}
	next, err := read(seqs)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if at[r] = next[i]; next[i] == 0 {
			delete(at, r)
			continue
		}
		do(r, next[i])
	}
	return nil
}
