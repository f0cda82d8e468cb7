package sqlstore

import (
	"context"
	"database/sql"
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
	last     map[mpblock.OpenID]uint64 // seq of the last change, of the OpenIDs of batches that ask for it
}

// plan reads what the batches depend on and works out what becomes of each, one
// after the other.
func (a *applying) plan(ctx context.Context, c *sql.Conn, h head) (*plan, error) {
	p := &plan{mark: newMark(), head: h}
	var all, known, dated []mpblock.OpenID
	for _, b := range a.batches {
		all = append(all, b.OpenIDs...)
		if b.Known {
			known = append(known, b.OpenIDs...)
		}
		if b.UnchangedSince != 0 {
			dated = append(dated, b.OpenIDs...)
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
	p.before, p.follower, p.last = find(entriesOf, all), find(followersOf, known), find(lastChangesOf, dated)
	if err != nil {
		return nil, err
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
		if (b.Action == mpblock.Unblock) == (p.after[id] != 0) && (b.UnchangedSince == 0 || p.last[id] <= b.UnchangedSince) {
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
		p.last[id] = p.head.seq
		if b.Action == mpblock.Block {
			p.after[id] = p.head.seq
			p.head.total++
		} else {
			delete(p.after, id)
			p.head.total--
		}
	}
	c := mpblock.Change{
		Seq: p.head.seq, Time: at,
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, OpenIDs: took,
	}
	p.changes = append(p.changes, c)
	return outcome{change: c}
}

// effect is an OpenID on which a change takes effect.
type effect struct {
	id     mpblock.OpenID
	seq    uint64
	action mpblock.Action // as it is read; in the table, it is the change's
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
