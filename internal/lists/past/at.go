package past

import (
	"context"
	"slices"

	"mpblock"
)

// How far back a page of a list is read: each page looks through the changes since, once.
const (
	MaxChanges = 10_000
	maxBack    = 100_000 // OpenIDs that were unblocked since
)

// Errors of revisions that cannot be read.
var (
	ErrAhead = mpblock.NewError(mpblock.Invalid, "revision.ahead", "revision %d is not there yet: the last one is %d; min_revision waits for one")
	ErrGone  = mpblock.NewError(mpblock.NotFound, "revision.gone", "too much has changed since revision %d to read a page of it: begin again, at revision %d or later")
)

// At returns what each OpenID's entry belonged to at a revision, which there is.
func (r Reader) At(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, at uint64) ([]Held, error) {
	now, err := r.Revision(ctx, app)
	if err != nil {
		return nil, err
	}
	if at > now {
		return nil, ErrAhead.With(at, now)
	}
	states, err := r.Store.States(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	return r.hold(ctx, app, ids, states, at)
}

// hold returns what entries belonged to at a revision: what the last change up to then made
// of them.
func (r Reader) hold(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, states []mpblock.State, at uint64) ([]Held, error) {
	all := make([]Held, len(ids))
	var seqs []uint64
	for i, s := range states {
		all[i].OpenID, all[i].Last = ids[i], s.Seq
		switch {
		case s.Seq > at:
			was, err := r.history(ctx, app, ids[i], at)
			if err != nil {
				return nil, err
			}
			if all[i].Last = 0; len(was) > 0 {
				all[i].Last = was[len(was)-1].Seq
			}
			if len(was) > 0 && was[len(was)-1].Action != mpblock.Unblock {
				all[i].By = mpblock.BelongedTo(was)
				all[i].By.OpenIDs = nil
			}
		case s.Blocked:
			all[i].By.Seq = s.Since
			seqs = append(seqs, s.Since)
		}
	}
	if len(seqs) == 0 {
		return all, nil
	}
	slices.Sort(seqs)
	heads, err := r.Store.ChangeHeads(ctx, app, slices.Compact(seqs))
	if err != nil {
		return nil, err
	}
	for i, s := range states {
		if s.Blocked && s.Seq <= at {
			n, _ := slices.BinarySearchFunc(heads, s.Since, func(c mpblock.Change, seq uint64) int { return int(c.Seq) - int(seq) }) //nolint:gosec // seqs of one account
			all[i].By = heads[n]
		}
	}
	return all, nil
}

// history returns the changes of an OpenID up to a revision, oldest first.
func (r Reader) history(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, at uint64) (all []mpblock.Change, err error) {
	const piece = 100
	for after := uint64(0); ; {
		some, err := r.Store.ChangesOf(ctx, app, id, after, piece)
		if err != nil {
			return nil, err
		}
		for _, c := range some {
			if c.Seq > at {
				return all, nil
			}
			all = append(all, c)
			after = c.Seq
		}
		if len(some) < piece {
			return all, nil
		}
	}
}

// History returns up to limit changes of an OpenID behind a seq and up to a revision, oldest
// first.
func (r Reader) History(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after, at uint64, limit int) ([]mpblock.Change, error) {
	changes, err := r.Store.ChangesOf(ctx, app, id, after, limit)
	if n := slices.IndexFunc(changes, func(c mpblock.Change) bool { return c.Seq > at }); n >= 0 {
		changes = changes[:n]
	}
	return changes, err
}
