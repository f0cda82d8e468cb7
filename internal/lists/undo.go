package lists

import (
	"context"
	"errors"
	"math"

	"mpblock"
)

// LeftAlone is an OpenID that an undo does not touch, since a later change has, since its
// entry would have ended by now, or since nobody can block it.
type LeftAlone struct {
	OpenID mpblock.OpenID
	By     ChangeRow // the latest change of it
	Ended  bool      // that is the one to be undone
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
	Made     mpblock.Change
	Left     int         // left alone: they have changed in the meantime, their end has come, or nobody can block them
	LeftRows []LeftAlone // up to MaxRows of those
}

// Reverse returns the action that takes another back.
func Reverse(a mpblock.Action) mpblock.Action {
	switch a {
	case mpblock.Block:
		return mpblock.Unblock
	case mpblock.Unblock:
		return mpblock.Block
	default: // who is amended is given back what was before
		return a
	}
}

// PreviewUndo says what Undo would do to a change.
func (svc *Service) PreviewUndo(ctx context.Context, app mpblock.AppID, seq uint64) (UndoPreview, error) {
	c, err := svc.ChangeAt(ctx, app, seq)
	if err != nil {
		return UndoPreview{}, err
	}
	v := UndoPreview{Action: Reverse(c.Action), Total: len(c.OpenIDs)}
	err = svc.AddPreview(ctx, app, c, &v)
	return v, err
}

// AddPreview adds to a preview what the undo of a change would do.
func (svc *Service) AddPreview(ctx context.Context, app mpblock.AppID, c mpblock.Change, v *UndoPreview) error {
	later, err := svc.changedSince(ctx, app, c)
	if err != nil {
		return err
	}
	v.Looked += len(c.OpenIDs)
	v.Would += len(c.OpenIDs) - len(later)
	v.Left += len(later)
	return svc.leftRows(ctx, app, c.Seq, later, &v.LeftRows)
}

// changedSince returns those OpenIDs of a change that a later one names, those that nobody
// can block again, and of its first MaxRows those whose former end has come by now.
func (svc *Service) changedSince(ctx context.Context, app mpblock.AppID, c mpblock.Change) ([]mpblock.OpenID, error) {
	seq, ids := c.Seq, c.OpenIDs
	states, err := svc.store.States(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	protected, err := svc.protection.Among(ctx, app, ids)
	var later []mpblock.OpenID
	for i, id := range ids {
		_, kept := protected[id]
		if kept && c.Action == mpblock.Unblock || states[i].Seq > seq || c.Actor == mpblock.ActorExpiry { // whose end has come, once and for all
			later = append(later, id)
			continue
		}
		if c.Action != mpblock.Unblock || i >= MaxRows {
			continue
		}
		history, err := svc.store.ChangesOf(ctx, app, id, 0, math.MaxInt32)
		if err != nil {
			return nil, err
		}
		if end := mpblock.BelongedTo(history).Until; !end.IsZero() && !end.After(svc.clock.Now()) {
			later = append(later, id)
		}
	}
	return later, err
}

// leftRows adds OpenIDs that have changed, with their latest change, while there is
// room.
func (svc *Service) leftRows(ctx context.Context, app mpblock.AppID, seq uint64, ids []mpblock.OpenID, rows *[]LeftAlone) error {
	ids = ids[:min(len(ids), MaxRows-len(*rows))]
	if len(ids) == 0 {
		return nil
	}
	states, err := svc.store.States(ctx, app, ids)
	if err != nil {
		return err
	}
	seqs := make([]uint64, len(ids))
	for i, s := range states {
		seqs[i] = s.Seq
	}
	heads, err := svc.Heads(ctx, app, seqs)
	if err != nil {
		return err
	}
	for i, id := range ids {
		by := heads[seqs[i]]
		by.OpenIDs = ids[i : i+1]
		*rows = append(*rows, LeftAlone{OpenID: id, By: rowOf(by), Ended: by.Seq == seq})
	}
	return nil
}

// Undo does the reverse of a change to those of its OpenIDs whose latest change it
// is. The others are left alone, those too that change at this very moment. The reason
// may be empty; what is undone, the change bears beside it.
func (svc *Service) Undo(ctx context.Context, a *mpblock.Account, actor string, seq uint64, reason string) (UndoOutcome, error) {
	c, err := svc.ChangeAt(ctx, a.AppID, seq)
	if err != nil {
		return UndoOutcome{}, err
	}
	if reason, err = CheckReason(reason); err != nil {
		return UndoOutcome{}, err
	}
	made, err := svc.TakeBack(ctx, a, c, actor, reason)
	if made.Seq != 0 && errors.As(err, new(*mpblock.RefusedError)) {
		err = nil // those stay as they are
	}
	if err != nil {
		return UndoOutcome{}, err
	}
	out := UndoOutcome{Outcome: Outcome{Seq: made.Seq, Done: len(made.OpenIDs)}, Made: made}
	left := mpblock.Without(c.OpenIDs, made.OpenIDs)
	out.Left = len(left)
	return out, svc.leftRows(ctx, a.AppID, seq, left, &out.LeftRows)
}

// TakeBack reverses a change where it is the latest, and returns what it has made. The
// store sees to it that nothing which comes in between is taken back. What the platform
// refuses is a *mpblock.RefusedError beside it.
func (svc *Service) TakeBack(ctx context.Context, a *mpblock.Account, c mpblock.Change, actor, reason string) (mpblock.Change, error) {
	return svc.Apply(ctx, a, mpblock.Batch{
		Action: Reverse(c.Action), OpenIDs: c.OpenIDs, Actor: actor, Reason: reason, Undoes: c.Seq,
	})
}
