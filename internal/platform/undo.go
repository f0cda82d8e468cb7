package platform

import (
	"context"

	"mpblock"
)

// LeftAlone is an OpenID that an undo does not touch, since a later change has.
type LeftAlone struct {
	OpenID mpblock.OpenID
	By     ChangeRow // the latest change of it; the zero one if that is not known
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
	Left     int // left alone, since they have changed in the meantime
	LeftRows []LeftAlone
}

// PreviewUndo says what Undo would do to a change.
func (d *Desk) PreviewUndo(ctx context.Context, app mpblock.AppID, seq uint64) (UndoPreview, error) {
	return UndoPreview{}, errSoon
}

// Undo does the reverse of a change to those of its OpenIDs whose latest change it
// is. The others are left alone, those too that change at this very moment. The
// reason becomes "undo of change N", with note behind it if there is one.
func (d *Desk) Undo(ctx context.Context, app mpblock.AppID, seq uint64, note string) (UndoOutcome, error) {
	return UndoOutcome{}, errSoon
}

// PreviewUndoJob says what UndoJob would do to a job, from a look at the first
// 10,000 or so of its OpenIDs.
func (d *Desk) PreviewUndoJob(ctx context.Context, app mpblock.AppID, id string) (UndoPreview, error) {
	return UndoPreview{}, errSoon
}

// UndoJob starts a job that undoes all changes of another, as Undo does. What is left
// alone is among its refused ones.
func (d *Desk) UndoJob(ctx context.Context, app mpblock.AppID, id, note string) (Job, error) {
	return Job{}, errSoon
}
