package jobs

import (
	"context"
	"errors"
	"slices"

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
// alone is among its refused ones.
func (svc *Service) Undo(ctx context.Context, app mpblock.AppID, by, id, reason string) (Job, error) {
	of, err := svc.undoable(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	if reason, err = lists.CheckReason(reason); err != nil {
		return Job{}, err
	}
	now := svc.clock.Now()
	j := &storedJob{app: app, id: newJobID(by, now), jobRecord: jobRecord{
		Action: lists.Reverse(of.Action), Reason: reason, By: by, State: JobQueued, UndoOf: id,
		Created: now.UnixMilli(), Started: now.UnixMilli(), Chunks: of.Next,
		Progress: JobProgress{Total: of.Progress.Done},
	}}
	if err := svc.enqueue(ctx, app, j.id, 0); err != nil {
		return Job{}, err
	}
	if err := svc.putJob(ctx, j); err != nil {
		return Job{}, err
	}
	svc.wake()
	_, err = svc.editJob(ctx, app, id, func(of *storedJob) error {
		if of.Undo != "" {
			of.Undos = append(of.Undos, of.Undo)
			of.Undos = of.Undos[max(0, len(of.Undos)-maxUndos):]
		}
		of.Undo = j.id
		return nil
	})
	return j.view(), err
}

// undone returns the newest undo of a job that has done something or may yet, nil if there is
// none: one that did nothing, or is forgotten, counts as none.
func (svc *Service) undone(ctx context.Context, j *storedJob) (*storedJob, error) {
	for _, id := range slices.Backward(append(slices.Clone(j.Undos), j.Undo)) {
		next, err := svc.readJob(ctx, j.app, id)
		if err == nil && (next.view().Active() || next.Progress.Done > 0) {
			return next, nil
		}
		if err != nil && !errors.Is(err, errNoJob) {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// maxUndos is how far a chain of undos is followed, and how many undos a job knows of.
const maxUndos = 100

// stand fills in how a job stands.
func (svc *Service) stand(ctx context.Context, j *storedJob) (Job, error) {
	v := j.view()
	last := j
	for n := 0; n < maxUndos && last.Undo != ""; n++ {
		next, err := svc.undone(ctx, last)
		if err != nil {
			return v, err
		}
		if next == nil {
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
