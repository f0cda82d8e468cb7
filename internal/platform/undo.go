package platform

import (
	"context"
	"fmt"
	"time"

	"mpblock"
)

// LeftAlone is an OpenID that an undo does not touch, since a later change has.
type LeftAlone struct {
	OpenID mpblock.OpenID
	By     ChangeRow // the latest change of it
}

// UndoPreview is what an undo would do.
type UndoPreview struct {
	Action   mpblock.Action // what it would do to them
	Would    int            // OpenIDs that would change
	Left     int            // that would be left alone
	LeftRows []LeftAlone    // up to MaxRows of those
	Total    int            // OpenIDs of the change or job
	Looked   int            // at how many of them this preview has looked: less than Total for a large job
}

// UndoOutcome is what an undo of a change has done.
type UndoOutcome struct {
	Outcome
	Left     int         // left alone, since they have changed in the meantime
	LeftRows []LeftAlone // up to MaxRows of those
}

// reverse returns the action that takes another back.
func reverse(a mpblock.Action) mpblock.Action {
	if a == mpblock.Block {
		return mpblock.Unblock
	}
	return mpblock.Block
}

// PreviewUndo says what Undo would do to a change.
func (d *Desk) PreviewUndo(ctx context.Context, app mpblock.AppID, seq uint64) (UndoPreview, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return UndoPreview{}, err
	}
	c, err := d.p.change(ctx, app, seq)
	if err != nil {
		return UndoPreview{}, err
	}
	v := UndoPreview{Action: reverse(c.Action), Total: len(c.OpenIDs)}
	err = d.p.previewUndo(ctx, app, c, &v)
	return v, err
}

// previewUndo adds to a preview what the undo of a change would do.
func (p *Platform) previewUndo(ctx context.Context, app mpblock.AppID, c mpblock.Change, v *UndoPreview) error {
	later, err := p.changedSince(ctx, app, c.Seq, c.OpenIDs)
	if err != nil {
		return err
	}
	v.Looked += len(c.OpenIDs)
	v.Would += len(c.OpenIDs) - len(later)
	v.Left += len(later)
	return p.leftRows(ctx, app, later, &v.LeftRows)
}

// changedSince returns those OpenIDs of a change that a later one names.
func (p *Platform) changedSince(ctx context.Context, app mpblock.AppID, seq uint64, ids []mpblock.OpenID) ([]mpblock.OpenID, error) {
	states, err := p.store.States(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	var later []mpblock.OpenID
	for i, id := range ids {
		if states[i].Seq > seq {
			later = append(later, id)
		}
	}
	return later, nil
}

// leftRows adds OpenIDs that have changed, with their latest change, while there is
// room.
func (p *Platform) leftRows(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, rows *[]LeftAlone) error {
	ids = ids[:min(len(ids), MaxRows-len(*rows))]
	if len(ids) == 0 {
		return nil
	}
	states, err := p.store.States(ctx, app, ids)
	if err != nil {
		return err
	}
	seqs := make([]uint64, len(ids))
	for i, s := range states {
		seqs[i] = s.Seq
	}
	heads, err := p.changeHeads(ctx, app, seqs)
	if err != nil {
		return err
	}
	for i, id := range ids {
		by := heads[seqs[i]]
		by.OpenIDs = ids[i : i+1]
		*rows = append(*rows, LeftAlone{OpenID: id, By: rowOf(by)})
	}
	return nil
}

// Undo does the reverse of a change to those of its OpenIDs whose latest change it
// is. The others are left alone, those too that change at this very moment. The
// reason becomes "undo of change N", with note behind it if there is one.
func (d *Desk) Undo(ctx context.Context, app mpblock.AppID, seq uint64, note string) (UndoOutcome, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return UndoOutcome{}, err
	}
	c, err := d.p.change(ctx, app, seq)
	if err != nil {
		return UndoOutcome{}, err
	}
	reason, err := undoReason(fmt.Sprintf("undo of change %d", seq), note)
	if err != nil {
		return UndoOutcome{}, err
	}
	made, err := d.p.undo(ctx, app, c, d.actor(), reason)
	if err != nil {
		return UndoOutcome{}, err
	}
	out := UndoOutcome{Outcome: Outcome{Seq: made.Seq, Done: len(made.OpenIDs)}}
	left := without(c.OpenIDs, made.OpenIDs)
	out.Left = len(left)
	return out, d.p.leftRows(ctx, app, left, &out.LeftRows)
}

func undoReason(what, note string) (string, error) {
	note, err := checkReason(note)
	if err != nil || note == "" {
		return what, err
	}
	return checkReason(what + ": " + note)
}

// undo reverses a change where it is the latest. The store sees to it that nothing
// which comes in between is taken back.
func (p *Platform) undo(ctx context.Context, app mpblock.AppID, c mpblock.Change, actor, reason string) (mpblock.Change, error) {
	return p.store.Apply(ctx, app, mpblock.Batch{
		Action: reverse(c.Action), OpenIDs: c.OpenIDs, Actor: actor, Reason: reason, Time: time.Now(), UnchangedSince: c.Seq,
	})
}

// without returns those of ids, in byte order, that are not among others, in byte
// order too.
func without(ids, others []mpblock.OpenID) []mpblock.OpenID {
	var out []mpblock.OpenID
	for _, id := range ids {
		for len(others) > 0 && others[0].Compare(id) < 0 {
			others = others[1:]
		}
		if len(others) == 0 || others[0] != id {
			out = append(out, id)
		}
	}
	return out
}
