package past

import (
	"context"
	"slices"

	"mpblock"
)

// How far back a page of a list is read: each page looks through the changes since.
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

// Page returns up to limit entries of a list as it was at a revision, strictly after an
// OpenID and in byte order, and where to go on: the zero OpenID if there are no more. There
// may be fewer than limit, even none, and yet there be more.
func (r Reader) Page(ctx context.Context, app mpblock.AppID, at uint64, after mpblock.OpenID, limit int) ([]Held, mpblock.OpenID, error) {
	page, err := r.Store.Blacklist(ctx, app, after, limit)
	switch {
	case err != nil:
		return nil, mpblock.OpenID{}, err
	case at > page.Seq:
		return nil, mpblock.OpenID{}, ErrAhead.With(at, page.Seq)
	}
	ids, more := page.OpenIDs, len(page.OpenIDs) == limit
	var last mpblock.OpenID
	if more {
		last = ids[limit-1]
	}
	if page.Seq > at {
		back, err := r.unblocked(ctx, app, at, page.Seq)
		if err != nil {
			return nil, mpblock.OpenID{}, err
		}
		ids = slices.Clone(ids)
		for _, id := range back {
			if id.Compare(after) > 0 && (!more || id.Compare(last) < 0) {
				ids = append(ids, id)
			}
		}
		if ids = mpblock.Distinct(ids); len(ids) > limit {
			ids, more = ids[:limit], true
			last = ids[limit-1]
		}
	}
	states, err := r.Store.States(ctx, app, ids)
	if err != nil {
		return nil, mpblock.OpenID{}, err
	}
	all, err := r.hold(ctx, app, ids, states, at)
	all = slices.DeleteFunc(all, func(h Held) bool { return h.By.Seq == 0 })
	if !more {
		last = mpblock.OpenID{}
	}
	return all, last, err
}

// unblocked returns who was unblocked by the changes behind a revision up to another.
func (r Reader) unblocked(ctx context.Context, app mpblock.AppID, after, until uint64) (ids []mpblock.OpenID, err error) {
	gone := func() error { return ErrGone.With(after, until-min(until, MaxChanges)) }
	if until-after > MaxChanges {
		return nil, gone()
	}
	const piece = 500
	for seq := after; seq < until; {
		changes, err := r.Store.Changes(ctx, app, seq, piece)
		if err != nil || len(changes) == 0 {
			return ids, err
		}
		for _, c := range changes {
			if seq = c.Seq; seq > until {
				break
			}
			if c.Action == mpblock.Unblock {
				ids = append(ids, c.OpenIDs...)
			}
		}
		if len(ids) > maxBack {
			return nil, ErrGone.With(after, until)
		}
	}
	return ids, nil
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
