package platform

import (
	"context"
	"fmt"
	"time"

	"mpblock"
)

// PreviewUndoJob says what UndoJob would do to a job, from a look at the first
// 10,000 or so of its OpenIDs.
func (d *Desk) PreviewUndoJob(ctx context.Context, app mpblock.AppID, id string) (UndoPreview, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return UndoPreview{}, err
	}
	j, err := d.undoable(ctx, app, id)
	if err != nil {
		return UndoPreview{}, err
	}
	v := UndoPreview{Action: reverse(j.Action), Total: j.Progress.Done}
	for n := 0; n < j.Next && v.Looked < mpblock.MaxBatch; n++ {
		changes, err := d.p.changesOfChunk(ctx, app, id, n)
		if err != nil {
			return UndoPreview{}, err
		}
		for _, c := range changes {
			if err := d.p.previewUndo(ctx, app, c, &v); err != nil {
				return UndoPreview{}, err
			}
		}
	}
	return v, nil
}

func (d *Desk) undoable(ctx context.Context, app mpblock.AppID, id string) (*storedJob, error) {
	j, err := d.p.readJob(ctx, app, id)
	switch {
	case err != nil:
		return nil, err
	case j.view().Active():
		return nil, refuse("the job %q still runs: stop it first, or wait for its end", id)
	case j.Progress.Done == 0:
		return nil, refuse("the job %q has changed nothing: there is nothing to undo", id)
	}
	return j, nil
}

// UndoJob starts a job that undoes all changes of another, as Undo does. What is left
// alone is among its refused ones.
func (d *Desk) UndoJob(ctx context.Context, app mpblock.AppID, id, note string) (Job, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return Job{}, err
	}
	of, err := d.undoable(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	reason, err := undoReason(fmt.Sprintf("undo of job %s", id), note)
	if err != nil {
		return Job{}, err
	}
	now := time.Now()
	j := &storedJob{app: app, id: newJobID(d.operator.Name, now), jobRecord: jobRecord{
		Action: reverse(of.Action), Reason: reason, By: d.operator.Name, State: JobQueued, UndoOf: id,
		Created: now.UnixMilli(), Started: now.UnixMilli(), Chunks: of.Next,
		Progress: JobProgress{Total: of.Progress.Done},
	}}
	if err := d.p.enqueue(ctx, app, j.id); err != nil {
		return Job{}, err
	}
	if err := d.p.putJob(ctx, j); err != nil {
		return Job{}, err
	}
	d.p.wake()
	return j.view(), nil
}
