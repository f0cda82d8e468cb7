package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"mpblock"
)

// plan is what a transaction is to write.
type plan struct {
	mark     mark
	head     head
	outcomes []outcome
	changes  []mpblock.Change
	before   map[mpblock.OpenID]uint64 // entries as they are, of the OpenIDs named
	after    map[mpblock.OpenID]uint64 // and as they are to be
	follower map[mpblock.OpenID]uint64 // those of them that follow, where a batch asks for it
	last     map[mpblock.OpenID]uint64 // seq of the last change, of the OpenIDs of batches that undo
	since    map[mpblock.OpenID]uint64 // the change that the entry belongs to, or belonged to where a batch gives it back
	back     []effect                  // of those that belong to another change than the block before
}

// plan reads what the batches depend on and works out what becomes of each, one
// after the other.
func (a *applying) plan(ctx context.Context, c *sql.Conn, h head) (*plan, error) {
	p := &plan{mark: newMark(), head: h}
	var all, known, undone []mpblock.OpenID
	for _, b := range a.batches {
		all = append(all, b.OpenIDs...)
		if b.Known {
			known = append(known, b.OpenIDs...)
		}
		if b.Undoes != 0 {
			undone = append(undone, b.OpenIDs...)
		}
	}
	var err error
	find := func(query string, ids []mpblock.OpenID) map[mpblock.OpenID]uint64 {
		var found map[mpblock.OpenID]uint64
		if err == nil {
			found, err = lookUp(ctx, c, query, a.app, mpblock.Distinct(ids), a.store.lockRead())
		}
		return found
	}
	p.follower, p.last = find(followersOf, known), find(lastChangesOf, undone)
	if err != nil {
		return nil, err
	}
	if p.before, p.since, err = entriesOf(ctx, c, a.app, mpblock.Distinct(all), a.store.lockRead()); err != nil {
		return nil, err
	}
	for _, b := range a.batches {
		if err := p.giveBack(ctx, c, a, b); err != nil {
			return nil, err
		}
	}
	p.after = maps.Clone(p.before)
	for _, b := range a.batches {
		p.outcomes = append(p.outcomes, p.apply(b))
	}
	return p, nil
}

func (p *plan) apply(b mpblock.Batch) outcome {
	if b.Known {
		for i, id := range b.OpenIDs {
			if p.follower[id] == 0 && p.after[id] == 0 {
				return outcome{err: &mpblock.UnknownError{Index: i}}
			}
		}
	}
	var took []mpblock.OpenID
	for _, id := range mpblock.Distinct(b.OpenIDs) {
		if (b.Action == mpblock.Unblock) == (p.after[id] != 0) && (b.Undoes == 0 || p.last[id] == b.Undoes) {
			took = append(took, id)
		}
	}
	if len(took) == 0 {
		return outcome{}
	}
	at := b.Date(p.head.last())
	p.head.seq++
	p.head.changed = at.UnixMilli()
	for _, id := range took {
		usual := p.after[id]
		if b.Action == mpblock.Block {
			if usual = p.head.seq; b.Undoes == 0 {
				p.since[id] = usual
			}
			p.after[id] = p.head.seq
			p.head.total++
		} else {
			delete(p.after, id)
			p.head.total--
		}
		if p.since[id] != usual {
			p.back = append(p.back, effect{id: id, seq: p.head.seq, since: p.since[id]})
		}
		p.last[id] = p.head.seq
	}
	c := mpblock.Change{
		Seq: p.head.seq, Time: at,
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, Undoes: b.Undoes, OpenIDs: took,
	}
	p.changes = append(p.changes, c)
	return outcome{change: c}
}

// effect is an OpenID on which a change takes effect.
type effect struct {
	id     mpblock.OpenID
	seq    uint64
	action mpblock.Action // as it is read; in the table, it is the change's
	undoes uint64         // likewise
	since  uint64         // of those in plan.back
}

// giveBack finds out to which changes the entries belonged that a batch gives back.
func (p *plan) giveBack(ctx context.Context, c *sql.Conn, a *applying, b mpblock.Batch) error {
	if b.Action != mpblock.Block || b.Undoes == 0 {
		return nil
	}
	former := slices.DeleteFunc(slices.Clone(mpblock.Distinct(b.OpenIDs)), func(id mpblock.OpenID) bool { return p.last[id] != b.Undoes || p.before[id] != 0 })
	for _, query := range []string{
		fmt.Sprintf("SELECT openid, MAX(seq) FROM history WHERE app = ? AND seq < %d AND openid IN %%s GROUP BY openid", b.Undoes),
		fmt.Sprintf("SELECT openid, since FROM given_back WHERE app = ? AND seq = %d AND openid IN %%s", b.Undoes),
	} {
		found, err := lookUp(ctx, c, query, a.app, former, a.store.lockRead())
		if err != nil {
			return err
		}
		maps.Copy(p.since, found)
	}
	return nil
}

// write writes the changes and all that follows from them.
func (p *plan) write(ctx context.Context, c *sql.Conn, app mpblock.AppID) error {
	if len(p.changes) == 0 {
		return nil
	}
	var gone []mpblock.OpenID
	var effects, entries []effect
	for id, seq := range p.before {
		if p.after[id] != seq {
			gone = append(gone, id)
		}
	}
	for id, seq := range p.after {
		if p.before[id] != seq {
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
	if err := remove(ctx, c, "entry", app, gone); err != nil {
		return err
	}
	row := func(e effect) []any { return []any{appArg(app), idArg(e.id), e.seq} }
	if err := insert(ctx, c, "entry (app, openid, seq)", entries, row); err != nil {
		return err
	}
	if err := insert(ctx, c, "history (app, openid, seq)", effects, row); err != nil {
		return err
	}
	back := func(e effect) []any { return append(row(e), e.since) }
	if err := insert(ctx, c, "given_back (app, openid, seq, since)", p.back, back); err != nil {
		return err
	}
	undo := slices.DeleteFunc(slices.Clone(p.changes), func(ch mpblock.Change) bool { return ch.Undoes == 0 })
	if err := insert(ctx, c, "undone (app, seq, undoes)", undo, func(ch mpblock.Change) []any {
		return []any{appArg(app), ch.Seq, ch.Undoes}
	}); err != nil {
		return err
	}
	err := insert(ctx, c, "change_log (app, seq, batch, at, action, actor, reason, openids)", p.changes, func(ch mpblock.Change) []any {
		return []any{appArg(app), ch.Seq, p.mark[:], ch.Time.UnixMilli(), uint8(ch.Action), []byte(ch.Actor), []byte(ch.Reason), pack(ch.OpenIDs)}
	})
	if err != nil {
		return err
	}
	_, err = change(ctx, c, "UPDATE account SET total = ?, seq = ?, changed = ? WHERE app = ?", p.head.total, p.head.seq, p.head.changed, appArg(app))
	return err
}

// pack puts OpenIDs behind each other, as a change keeps them.
func pack(ids []mpblock.OpenID) []byte {
	b := make([]byte, 0, len(ids)*mpblock.OpenIDLen)
	for i := range ids {
		b = append(b, ids[i][:]...)
	}
	return b
}

// remove deletes rows of a list.
func remove(ctx context.Context, c *sql.Conn, table string, app mpblock.AppID, ids []mpblock.OpenID) error {
	return pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := change(ctx, c, "DELETE FROM "+table+" WHERE app = ? AND openid IN "+list(len(piece)), idArgs(app, piece)...)
		return err
	})
}
