package platform

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
	Actor  string         // its beginning
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
}

func rowOf(c mpblock.Change) ChangeRow {
	return ChangeRow{
		Seq: c.Seq, Time: c.Time, Actor: c.Actor, Action: c.Action, Reason: c.Reason,
		Count: len(c.OpenIDs), Sample: slices.Clone(c.OpenIDs[:min(len(c.OpenIDs), sampleSize)]),
	}
}

// ChangePage is a page of changes.
type ChangePage struct {
	Rows    []ChangeRow
	Next    uint64    // 0: there are no more
	Reached time.Time // as in EntryPage
}

// History returns a page of an account's changes. The work of one call is bounded.
func (d *Desk) History(ctx context.Context, app mpblock.AppID, q ChangeQuery) (ChangePage, error) {
	if err := checkLimit(q.Limit); err != nil {
		return ChangePage{}, err
	}
	if _, err := d.account(ctx, RoleViewer, app); err != nil {
		return ChangePage{}, err
	}
	return d.p.history(ctx, app, q)
}

func (p *Platform) history(ctx context.Context, app mpblock.AppID, q ChangeQuery) (ChangePage, error) {
	w := walk{store: p.store, app: app, filter: changeFilter{
		action: q.Action, reason: q.Reason, actor: q.Actor, since: q.Since, until: q.Until,
	}}
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
	return page, err
}

// Change returns one change with all of its OpenIDs, at most mpblock.MaxBatch.
func (d *Desk) Change(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	if _, err := d.account(ctx, RoleViewer, app); err != nil {
		return mpblock.Change{}, err
	}
	return d.p.change(ctx, app, seq)
}

func (p *Platform) change(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	if seq != 0 {
		c, err := p.store.Changes(ctx, app, seq-1, 1)
		if err != nil {
			return mpblock.Change{}, err
		}
		if len(c) > 0 {
			return c[0], nil
		}
	}
	return mpblock.Change{}, refuse("there is no change %d", seq)
}

// Timeline is what is known of one OpenID.
type Timeline struct {
	OpenID mpblock.OpenID
	mpblock.State
	Rows []ChangeRow // newest first; Count is 1
	More bool        // there are older ones than the MaxRows that are shown
}

// Timeline returns what is known of one OpenID of the account. A malformed one, or
// one of another account, is a Refusal.
func (d *Desk) Timeline(ctx context.Context, app mpblock.AppID, openid string) (Timeline, error) {
	a, err := d.account(ctx, RoleViewer, app)
	if err != nil {
		return Timeline{}, err
	}
	id, err := ownID(a, openid)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{OpenID: id}
	states, err := d.p.store.States(ctx, app, []mpblock.OpenID{id})
	if err != nil {
		return Timeline{}, err
	}
	t.State = states[0]
	err = d.p.eachChangeOf(ctx, app, id, 0, func(c mpblock.Change) {
		t.Rows = append(t.Rows, rowOf(c))
		if len(t.Rows) > MaxRows {
			t.Rows, t.More = t.Rows[1:], true
		}
	})
	slices.Reverse(t.Rows)
	return t, err
}

// eachChangeOf hands the changes of an OpenID after a seq to do, oldest first.
func (p *Platform) eachChangeOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, do func(mpblock.Change)) error {
	const piece = 100
	for {
		changes, err := p.store.ChangesOf(ctx, app, id, after, piece)
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
