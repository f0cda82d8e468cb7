package lists

import (
	"context"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/lists/walk"
)

// ChangeQuery asks for a page of an account's changes, newest first.
type ChangeQuery struct {
	Action mpblock.Action // 0: both
	Reason string         // a part of it, without regard to case
	Actor  string         // see walk.MadeBy
	Since  time.Time
	Until  time.Time // exclusive
	Before uint64    // ChangePage.Next of the page before; 0: from the newest
	Limit  int       // 1 to MaxRows
	Whole  bool      // the changes of a job are one row, where the newest is that is met
	Told   []string  // with Whole: ChangePage.Told of the page before
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
	Until  time.Time        // when its entries end; zero: never
	Count  int              // of its OpenIDs
	Sample []mpblock.OpenID // the first few of them
	Job    string           // id of the job that the row stands for; "": for this change alone
	Standing
}

func rowOf(c mpblock.Change) ChangeRow {
	return ChangeRow{
		Seq: c.Seq, Time: c.Time, Actor: c.Actor, Action: c.Action, Reason: c.Reason, Until: c.Until,
		Count: len(c.OpenIDs), Sample: slices.Clone(c.OpenIDs[:min(len(c.OpenIDs), sampleSize)]),
		Standing: Standing{Undoes: c.Undoes},
	}
}

// ChangePage is a page of changes.
type ChangePage struct {
	Rows    []ChangeRow
	Next    uint64    // 0: there are no more
	Told    []string  // jobs with a row on this page or before, which may have changes that follow
	Reached time.Time // as in EntryPage
}

// History returns a page of an account's changes. The work of one call is bounded.
func (svc *Service) History(ctx context.Context, app mpblock.AppID, q ChangeQuery) (ChangePage, error) {
	if err := CheckLimit(q.Limit); err != nil {
		return ChangePage{}, err
	}
	filter := walk.Filter{Action: q.Action, Reason: q.Reason, Actor: q.Actor, Since: q.Since, Until: q.Until}
	w := walk.Walk{Store: svc.store, Digests: svc.digests, App: app, Filter: filter, Heads: true}
	w.Endless = filter == walk.Filter{} && !q.Whole // then the page is full soon
	if err := w.Start(ctx, q.Before); err != nil {
		return ChangePage{}, err
	}
	m := met{query: q, told: slices.Clone(q.Told)}
	if err := w.Each(ctx, func(c mpblock.Change) (bool, error) { return m.take(c), nil }); err != nil {
		return ChangePage{}, err
	}
	page := ChangePage{Next: w.Before, Reached: w.Stopped}
	if m.beyond != 0 {
		page.Next = m.beyond
	}
	if page.Next <= 1 {
		page.Next, page.Reached = 0, time.Time{}
	}
	if len(m.seqs) == q.Limit {
		page.Reached = time.Time{}
	}
	rows, err := svc.rowsAt(ctx, app, m.seqs)
	if err != nil {
		return ChangePage{}, err
	}
	for i := range rows {
		if q.Whole {
			rows[i].Job = walk.JobOf(rows[i].Actor)
		}
	}
	page.Rows, page.Told = rows, slices.DeleteFunc(m.told, func(job string) bool { return !walk.Begun(job, m.reached) })
	return page, svc.stand(ctx, app, page.Rows)
}

// met are the changes that a page of the history has a row for.
type met struct {
	query   ChangeQuery
	told    []string // jobs that have a row, here or on a page before
	seqs    []uint64
	reached time.Time // of the last change that was met
	beyond  uint64    // the next page goes on before this change; 0: where the walk is
}

// take takes in a change; false if the page is full. What comes behind it of a job that
// has a row is taken in too, so that the next page does not consist of that alone.
func (m *met) take(c mpblock.Change) bool {
	m.reached = c.Time
	job := ""
	if m.query.Whole {
		job = walk.JobOf(c.Actor)
	}
	if job != "" && slices.Contains(m.told, job) {
		return true
	}
	if len(m.seqs) == m.query.Limit {
		m.beyond = c.Seq + 1
		return false
	}
	m.seqs = append(m.seqs, c.Seq)
	if job != "" {
		m.told = append(m.told, job)
		return true
	}
	return len(m.seqs) < m.query.Limit
}

// rowsAtOnce is how many changes are read at once, each with up to mpblock.MaxWrite OpenIDs.
const rowsAtOnce = 16

// rowsAt reads the changes with some seqs, which fall.
func (svc *Service) rowsAt(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]ChangeRow, error) {
	rows := make([]ChangeRow, 0, len(seqs))
	for len(seqs) > 0 {
		n := 1 // that follow one another
		for n < min(len(seqs), rowsAtOnce) && seqs[n] == seqs[0]-uint64(n) {
			n++
		}
		changes, err := svc.store.Changes(ctx, app, seqs[n-1]-1, n)
		if err != nil {
			return nil, err
		}
		for _, c := range slices.Backward(changes) {
			rows = append(rows, rowOf(c))
		}
		seqs = seqs[n:]
	}
	return rows, nil
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
