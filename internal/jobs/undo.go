package jobs

import (
	"context"
	"errors"

	"mpblock"
	"mpblock/internal/lists"
)

// maxLooked is about how many OpenIDs of a job a preview looks at.
const maxLooked = 10_000

// PreviewUndo says what Undo would do to a job, from a look at the first
// of its OpenIDs.
func (svc *Service) PreviewUndo(ctx context.Context, app mpblock.AppID, id string) (lists.UndoPreview, error) {
	j, err := svc.undoable(ctx, app, id)
	if err != nil {
		return lists.UndoPreview{}, err
	}
	v := lists.UndoPreview{Action: lists.Reverse(j.Action), Total: j.Progress.Done}
	for n := 0; n < j.Next && v.Looked < maxLooked; n++ {
		changes, err := svc.changesOfChunk(ctx, app, id, n)
		if err != nil {
			return lists.UndoPreview{}, err
		}
		for _, c := range changes {
			if err := svc.lists.AddPreview(ctx, app, c, &v); err != nil {
				return lists.UndoPreview{}, err
			}
		}
	}
	return v, nil
}

func (svc *Service) undoable(ctx context.Context, app mpblock.AppID, id string) (*storedJob, error) {
	j, err := svc.readJob(ctx, app, id)
	switch {
	case err != nil:
		return nil, err
	case j.view().Active():
		return nil, errJobRunning.With(id)
	case j.Progress.Done == 0:
		return nil, errJobNoChange.With(id)
	}
	return j, nil
}

// Undo starts a job that undoes all changes of another, as lists.Undo does. What is left
// alone is among its refused ones. What was undone is a refusal, unless that did not end well.
func (svc *Service) Undo(ctx context.Context, app mpblock.AppID, by, id, reason string) (Job, error) {
	of, err := svc.undoable(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	reason, err = lists.CheckReason(reason)
	if err = errors.Join(err, svc.notUndone(ctx, of)); err != nil {
		return Job{}, err
	}
	now := svc.clock.Now()
	j := &storedJob{app: app, id: newJobID(by, now), jobRecord: jobRecord{
		Action: lists.Reverse(of.Action), Reason: reason, By: by, State: JobQueued, UndoOf: id,
		Created: now.UnixMilli(), Started: now.UnixMilli(), Chunks: of.Next,
		Progress: JobProgress{Total: of.Progress.Done},
	}}
	if _, err := svc.editJob(ctx, app, id, func(now *storedJob) error {
		if now.Undo != of.Undo { // by another at this very moment
			return errJobUndone.With(id, now.Undo)
		}
		now.Undo = j.id
		return nil
	}); err != nil {
		return Job{}, err
	}
	if err = svc.enqueue(ctx, app, j.id, 0); err == nil {
		err = svc.putJob(ctx, j)
	}
	svc.wake()
	return j.view(), err
}

// notUndone refuses a job that another has undone, or is about to.
func (svc *Service) notUndone(ctx context.Context, j *storedJob) error {
	now, err := svc.stand(ctx, j)
	if err != nil || now.Last == j.id {
		return err
	}
	last, err := svc.readJob(ctx, j.app, now.Last)
	if err != nil || last.UndoOf == j.id && (last.State == JobStopped || last.State == JobFailed) {
		return err
	}
	return errJobUndone.With(j.id, now.Last)
}

// maxUndos is how far a chain of undos is followed.
const maxUndos = 100

// stand fills in how a job stands. An undo that did nothing, or is forgotten, counts as
// none.
func (svc *Service) stand(ctx context.Context, j *storedJob) (Job, error) {
	v := j.view()
	last := j
	for n := 0; n < maxUndos && last.Undo != ""; n++ {
		next, err := svc.readJob(ctx, j.app, last.Undo)
		if errors.Is(err, errNoJob) {
			break
		}
		if err != nil {
			return v, err
		}
		if !next.view().Active() && next.Progress.Done == 0 {
			break
		}
		last = next
		if v.UndoneBy == "" {
			v.UndoneBy, v.RedoneBy = next.id, ""
		} else {
			v.UndoneBy, v.RedoneBy = "", next.id
		}
		v.Redoes = !v.Redoes
	}
	v.Last, v.Undoable = last.id, !last.view().Active() && last.Progress.Done > 0
	for n, first := 0, j; n < maxUndos && first.UndoOf != ""; n++ {
		v.Redoes = !v.Redoes
		of, err := svc.readJob(ctx, j.app, first.UndoOf)
		if errors.Is(err, errNoJob) {
			break
		}
		if err != nil {
			return v, err
		}
		first = of
	}
	return v, nil
}
