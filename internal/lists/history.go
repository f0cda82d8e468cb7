package lists

import (
	"context"
	"slices"
	"time"

	"mpblock"
)

// ChangeQuery asks for a page of an account's changes, newest first.
type ChangeQuery struct {
	Action mpblock.Action // 0: both
	Reason string         // a part of it, without regard to case
	Actor  string         // see MadeBy
	Since  time.Time
	Until  time.Time // exclusive
	Before uint64    // ChangePage.Next of the page before; 0: from the newest
	Limit  int       // 1 to MaxRows
}

// sampleSize is how many OpenIDs of a change a row shows.
const sampleSize = 5

// ChangeRow is a change without all of its OpenIDs.
type ChangeRow struct {
	Seq    uint64
	Time   time.Time
	Actor  string
	Action mpblock.Action
	Reason string
	Count  int              // of its OpenIDs
	Sample []mpblock.OpenID // the first few of them
	Standing
}

func rowOf(c mpblock.Change) ChangeRow {
	return ChangeRow{
		Seq: c.Seq, Time: c.Time, Actor: c.Actor, Action: c.Action, Reason: c.Reason,
		Count: len(c.OpenIDs), Sample: slices.Clone(c.OpenIDs[:min(len(c.OpenIDs), sampleSize)]),
		Standing: Standing{Undoes: c.Undoes},
	}
}

// ChangePage is a page of changes.
type ChangePage struct {
	Rows    []ChangeRow
	Next    uint64    // 0: there are no more
	Reached time.Time // as in EntryPage
}

// History returns a page of an account's changes. The work of one call is bounded.
func (svc *Service) History(ctx context.Context, app mpblock.AppID, q ChangeQuery) (ChangePage, error) {
	if err := CheckLimit(q.Limit); err != nil {
		return ChangePage{}, err
	}
	filter := changeFilter{action: q.Action, reason: q.Reason, actor: q.Actor, since: q.Since, until: q.Until}
	w := walk{svc: svc, app: app, filter: filter, endless: filter == changeFilter{}} // then the page is full soon
	if err := w.start(ctx, q.Before); err != nil {
		return ChangePage{}, err
	}
	var page ChangePage
	err := w.each(ctx, func(c mpblock.Change) (bool, error) {
		page.Rows = append(page.Rows, rowOf(c))
		return len(page.Rows) < q.Limit, nil
	})
	if w.before > 1 {
		page.Next, page.Reached = w.before, w.stopped
	}
	if err == nil {
		err = svc.stand(ctx, app, page.Rows)
	}
	return page, err
}

// ChangeAt returns one change with all of its OpenIDs, at most mpblock.MaxWrite.
func (svc *Service) ChangeAt(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	if seq != 0 {
		c, err := svc.store.Changes(ctx, app, seq-1, 1)
		if err != nil {
			return mpblock.Change{}, err
		}
		if len(c) > 0 {
			return c[0], nil
		}
	}
	return mpblock.Change{}, errNoChange.With(seq)
}

// Timeline is what is known of one OpenID.
type Timeline struct {
	OpenID mpblock.OpenID
	mpblock.State
	Rows []ChangeRow // newest first; Count is 1
	More bool        // there are older ones than the MaxRows that are shown
}

// Timeline returns what is known of one OpenID of the account. A malformed one, or
// one of another account, is a refusal.
func (svc *Service) Timeline(ctx context.Context, a *mpblock.Account, openid string) (Timeline, error) {
	id, err := ownID(a, openid)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{OpenID: id}
	states, err := svc.store.States(ctx, a.AppID, []mpblock.OpenID{id})
	if err != nil {
		return Timeline{}, err
	}
	t.State = states[0]
	err = svc.eachChangeOf(ctx, a.AppID, id, 0, func(c mpblock.Change) {
		t.Rows = append(t.Rows, rowOf(c))
		if len(t.Rows) > MaxRows {
			t.Rows, t.More = t.Rows[1:], true
		}
	})
	if err == nil {
		err = svc.stand(ctx, a.AppID, t.Rows)
	}
	slices.Reverse(t.Rows)
	return t, err
}

// eachChangeOf hands the changes of an OpenID after a seq to do, oldest first.
func (svc *Service) eachChangeOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, do func(mpblock.Change)) error {
	const piece = 100
	for {
		changes, err := svc.store.ChangesOf(ctx, app, id, after, piece)
		if err != nil {
			return err
		}
		for _, c := range changes {
			do(c)
			after = c.Seq
		}
		if len(changes) < piece {
			return nil
		}
	}
}

// Heads returns changes without their OpenIDs, by seq.
func (svc *Service) Heads(ctx context.Context, app mpblock.AppID, seqs []uint64) (map[uint64]mpblock.Change, error) {
	heads := make(map[uint64]mpblock.Change)
	if len(seqs) == 0 {
		return heads, nil
	}
	seqs = slices.Clone(seqs)
	slices.Sort(seqs)
	changes, err := svc.store.ChangeHeads(ctx, app, slices.Compact(seqs))
	for _, c := range changes {
		heads[c.Seq] = c
	}
	return heads, err
}
