package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// plan is what a transaction is to write.
type plan struct {
	mark     mark
	head     head
	outcomes []outcome
	changes  []mpblock.Change
	before   entries                   // as they are, of the OpenIDs named
	after    map[mpblock.OpenID]uint64 // and as they are to be
	ends     map[mpblock.OpenID]int64  // and when they are to end
	follower map[mpblock.OpenID]uint64 // those of them that follow, where a batch asks for it
	last     map[mpblock.OpenID]uint64 // seq of the last change, of the OpenIDs of batches that ask for it
	since    map[mpblock.OpenID]uint64 // the change that the entry belongs to, or belonged to where a batch gives it back
	former   map[mpblock.OpenID]uint64 // the change that the entry belonged to before an amend that a batch undoes
	logged   map[uint64]mpblock.Change // without OpenIDs: what batches undo that give back, and what they give back
	back     []effect                  // of those that belong to another change than the block before
	applied  *query.Applied            // requests of the batches
}

// empty tells whether there is nothing to be written.
func (p *plan) empty() bool { return len(p.changes) == 0 && !p.applied.Changed() }

// plan reads what the batches depend on and works out what becomes of each, one
// after the other.
func (a *applying) plan(ctx context.Context, c *sql.Conn, h head) (*plan, error) {
	p := &plan{mark: newMark(), head: h}
	var all, known, only []mpblock.OpenID
	for _, b := range a.batches {
		all = append(all, b.OpenIDs...)
		if b.Known {
			known = append(known, b.OpenIDs...)
		}
		if !b.Only(0) {
			only = append(only, b.OpenIDs...)
		}
	}
	var err error
	find := func(statement string, ids []mpblock.OpenID) map[mpblock.OpenID]uint64 {
		var found map[mpblock.OpenID]uint64
		if err == nil {
			found, err = query.LookUp(ctx, c, statement, a.app, mpblock.Distinct(ids), a.store.lockRead())
		}
		return found
	}
	p.follower, p.last = find(followersOf, known), find(lastChangesOf, only)
	if err != nil {
		return nil, err
	}
	if p.applied, err = query.ReadApplied(ctx, c, a.app, a.batches, a.store.lockRead()); err != nil {
		return nil, err
	}
	if p.before, err = entriesOf(ctx, c, a.app, mpblock.Distinct(all), a.store.lockRead()); err != nil {
		return nil, err
	}
	p.after, p.since, p.ends, p.former = maps.Clone(p.before.seq), maps.Clone(p.before.since), maps.Clone(p.before.ends), make(map[mpblock.OpenID]uint64)
	if err := p.giveBack(ctx, c, a); err != nil {
		return nil, err
	}
	for _, b := range a.batches {
		p.outcomes = append(p.outcomes, p.once(b))
	}
	return p, nil
}

// once is apply, for a batch that was not applied before.
func (p *plan) once(b mpblock.Batch) outcome {
	made, done, err := p.applied.Answer(b)
	if done || err != nil {
		return outcome{change: made, err: err}
	}
	o := p.apply(b)
	if o.err == nil {
		p.applied.Add(b, o.change)
	}
	return o
}

func (p *plan) apply(b mpblock.Batch) outcome {
	if b.Known {
		for i, id := range b.OpenIDs {
			if p.follower[id] == 0 && p.after[id] == 0 {
				return outcome{err: &mpblock.UnknownError{Index: i}}
			}
		}
	}
	c := mpblock.Change{
		Seq: p.head.seq + 1, Time: b.Date(p.head.last()), Until: mpblock.EndAt(mpblock.EndMilli(b.Until)),
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, Undoes: b.Undoes,
	}
	for _, id := range mpblock.Distinct(b.OpenIDs) {
		if p.takes(b, c.Time, id) {
			c.OpenIDs = append(c.OpenIDs, id)
		}
	}
	if len(c.OpenIDs) == 0 {
		return outcome{}
	}
	p.head.seq = c.Seq
	p.head.changed = c.Time.UnixMilli()
	p.changes = append(p.changes, c)
	for _, id := range c.OpenIDs {
		p.effect(c, id)
	}
	return outcome{change: c}
}

// effect makes a change of one OpenID.
func (p *plan) effect(c mpblock.Change, id mpblock.OpenID) {
	usual := p.after[id]
	delete(p.ends, id)
	if c.Action == mpblock.Unblock {
		delete(p.after, id)
		p.head.total--
	} else {
		if c.Action == mpblock.Block {
			p.head.total++
		}
		usual, p.since[id], p.former[id] = c.Seq, p.gives(c.Action, c.Undoes, c.Seq, id), p.since[id]
		p.after[id] = c.Seq
		if end := p.logOf(p.since[id]).Until; !end.IsZero() {
			p.ends[id] = end.UnixMilli()
		}
	}
	if p.since[id] != usual {
		p.back = append(p.back, effect{id: id, seq: c.Seq, since: p.since[id]})
	}
	p.last[id] = c.Seq
}

// gives returns the change that an entry belongs to after a block or an amend of a seq.
func (p *plan) gives(action mpblock.Action, undoes, seq uint64, id mpblock.OpenID) uint64 {
	switch {
	case undoes == 0:
		return seq
	case action == mpblock.Amend:
		return p.former[id]
	}
	return p.since[id]
}

// logOf returns a change that batches which give back depend on, without OpenIDs.
func (p *plan) logOf(seq uint64) mpblock.Change {
	if n := len(p.changes); n > 0 && seq >= p.changes[0].Seq && seq <= p.changes[n-1].Seq {
		return p.changes[seq-p.changes[0].Seq]
	}
	return p.logged[seq]
}

// takes tells whether a batch takes effect on an OpenID, where its change has a time.
func (p *plan) takes(b mpblock.Batch, at time.Time, id mpblock.OpenID) bool {
	switch end := p.ends[id]; {
	case (b.Action == mpblock.Block) == (p.after[id] != 0), !b.Only(p.last[id]):
		return false
	case b.Ended:
		return end != 0 && end <= b.Time.UnixMilli()
	case b.Undoes == 0 || b.Action == mpblock.Unblock:
		return true
	case b.Action == mpblock.Amend && p.logOf(b.Undoes).Action != mpblock.Amend:
		return false
	}
	end := p.logOf(p.gives(b.Action, b.Undoes, 0, id)).Until
	return end.IsZero() || end.After(at)
}

// effect is an OpenID on which a change takes effect.
type effect struct {
	id     mpblock.OpenID
	seq    uint64
	action mpblock.Action // as it is read; in the table, it is the change's
	undoes uint64         // likewise
	since  uint64         // of those in plan.back
	ends   int64          // of those in writeEnds
}

// giveBack finds out to which changes the entries belonged that batches give back, and
// what those are.
func (p *plan) giveBack(ctx context.Context, c *sql.Conn, a *applying) error {
	var seqs []uint64
	for _, b := range a.batches {
		if b.Action == mpblock.Unblock || b.Undoes == 0 {
			continue
		}
		blocked := b.Action == mpblock.Amend
		ids := slices.DeleteFunc(slices.Clone(mpblock.Distinct(b.OpenIDs)), func(id mpblock.OpenID) bool {
			return p.last[id] != b.Undoes || (p.before.seq[id] != 0) != blocked
		})
		found, err := belongedTo(ctx, c, a, b, ids)
		if err != nil {
			return err
		}
		if blocked {
			maps.Copy(p.former, found)
		} else {
			maps.Copy(p.since, found)
		}
		seqs = append(seqs, b.Undoes)
		for _, id := range mpblock.Distinct(b.OpenIDs) {
			seqs = append(seqs, p.since[id], p.former[id])
		}
	}
	slices.Sort(seqs)
	heads, err := query.Heads(ctx, c, a.app, slices.Compact(seqs), a.store.lockRead())
	p.logged = heads
	return err
}

// belongedTo returns to which changes the entries of some OpenIDs belonged before the
// change that a batch undoes.
func belongedTo(ctx context.Context, c *sql.Conn, a *applying, b mpblock.Batch, ids []mpblock.OpenID) (map[mpblock.OpenID]uint64, error) {
	suffix := a.store.lockRead()
	since, err := query.LookUp(ctx, c, fmt.Sprintf("SELECT openid, MAX(seq) FROM history WHERE app = ? AND seq < %d AND openid IN %%s GROUP BY openid", b.Undoes), a.app, ids, suffix)
	if err != nil {
		return nil, err
	}
	// An unblock bears what the entry belonged to, an amend bears what it belongs to.
	where, is := "seq = %d", func(mpblock.OpenID, uint64) bool { return true }
	if b.Action == mpblock.Amend {
		where, is = "seq < %d", func(id mpblock.OpenID, seq uint64) bool { return since[id] == seq }
	}
	given := make(map[mpblock.OpenID]uint64)
	err = query.Pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := query.Rows(ctx, c, fmt.Sprintf("SELECT openid, seq, since FROM given_back WHERE app = ? AND "+where+" AND openid IN ", b.Undoes)+query.List(len(piece))+suffix,
			query.IDs(a.app, piece), func(r *sql.Rows) error {
				var raw sql.RawBytes
				var seq, belonged uint64
				if err := r.Scan(&raw, &seq, &belonged); err != nil {
					return err
				}
				id, err := query.OpenID(raw)
				if is(id, seq) {
					given[id] = belonged
				}
				return err
			})
		return err
	})
	maps.Copy(since, given)
	return since, err
}

// write writes the changes and all that follows from them.
func (p *plan) write(ctx context.Context, c *sql.Conn, app mpblock.AppID) error {
	if p.empty() {
		return nil
	}
	if err := p.applied.Write(ctx, c, app); err != nil || len(p.changes) == 0 {
		return err
	}
	var gone []mpblock.OpenID
	var effects, entries []effect
	for id, seq := range p.before.seq {
		if p.after[id] != seq {
			gone = append(gone, id)
		}
	}
	for id, seq := range p.after {
		if p.before.seq[id] != seq {
			entries = append(entries, effect{id: id, seq: seq})
		}
	}
	slices.SortFunc(gone, mpblock.OpenID.Compare)
	slices.SortFunc(entries, func(a, b effect) int { return a.id.Compare(b.id) })
	for _, change := range p.changes {
		for _, id := range change.OpenIDs {
			effects = append(effects, effect{id: id, seq: change.Seq})
		}
	}
	if err := query.Remove(ctx, c, "entry", app, gone); err != nil {
		return err
	}
	row := func(e effect) []any { return []any{query.App(app), query.ID(e.id), e.seq} }
	if err := query.Insert(ctx, c, "entry (app, openid, seq)", entries, row); err != nil {
		return err
	}
	if err := query.Insert(ctx, c, "history (app, openid, seq)", effects, row); err != nil {
		return err
	}
	back := func(e effect) []any { return append(row(e), e.since) }
	if err := query.Insert(ctx, c, "given_back (app, openid, seq, since)", p.back, back); err != nil {
		return err
	}
	if err := p.writeEnds(ctx, c, app); err != nil {
		return err
	}
	undo := slices.DeleteFunc(slices.Clone(p.changes), func(ch mpblock.Change) bool { return ch.Undoes == 0 })
	if err := query.Insert(ctx, c, "undone (app, seq, undoes)", undo, func(ch mpblock.Change) []any {
		return []any{query.App(app), ch.Seq, ch.Undoes}
	}); err != nil {
		return err
	}
	err := query.Insert(ctx, c, "change_log (app, seq, batch, at, action, actor, reason, openids)", p.changes, func(ch mpblock.Change) []any {
		return []any{query.App(app), ch.Seq, p.mark[:], ch.Time.UnixMilli(), uint8(ch.Action), []byte(ch.Actor), []byte(ch.Reason), query.Pack(ch.OpenIDs)}
	})
	if err != nil {
		return err
	}
	_, err = query.Change(ctx, c, "UPDATE account SET total = ?, seq = ?, changed = ? WHERE app = ?", p.head.total, p.head.seq, p.head.changed, query.App(app))
	return err
}
