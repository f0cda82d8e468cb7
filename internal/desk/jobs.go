package desk

import (
	"context"
	"iter"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// DraftJob reads a list, keeps it for jobs.DraftLife and says what is in it; see
// jobs.Service.Draft.
func (d *Desk) DraftJob(ctx context.Context, app mpblock.AppID, action mpblock.Action, source jobs.Source) (jobs.Job, error) {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return jobs.Job{}, err
	}
	return d.office.jobs.Draft(ctx, a, d.Operator().Name, action, source)
}

// StartJob starts a drafted job; what it blocks ends at a time, zero: never. A job that has been started is a refusal.
func (d *Desk) StartJob(ctx context.Context, app mpblock.AppID, id, reason string, ends time.Time) (jobs.Job, error) {
	a, err := d.account(ctx, operators.RoleOperator, app)
	if err != nil {
		return jobs.Job{}, err
	}
	j, err := d.office.jobs.Job(ctx, app, id)
	if err == nil {
		err = reasoned(a, j.Action, reason)
	}
	if err != nil {
		return j, err
	}
	return d.office.jobs.Start(ctx, app, id, reason, ends)
}

// DropJob forgets a draft. A job that has been started is a refusal.
func (d *Desk) DropJob(ctx context.Context, app mpblock.AppID, id string) error {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return err
	}
	return d.office.jobs.Drop(ctx, app, id)
}

// StopJob has a job stop after the batch under way. What it has done stays done. A job
// that is not active is a refusal.
func (d *Desk) StopJob(ctx context.Context, app mpblock.AppID, id string) (jobs.Job, error) {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return jobs.Job{}, err
	}
	return d.office.jobs.Stop(ctx, app, id)
}

// Job returns a job of an account.
func (d *Desk) Job(ctx context.Context, app mpblock.AppID, id string) (jobs.Job, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return jobs.Job{}, err
	}
	return d.office.jobs.Job(ctx, app, id)
}

// Jobs returns the jobs of an account, newest first, those before a given id: "" for
// the newest. Drafts are among them.
func (d *Desk) Jobs(ctx context.Context, app mpblock.AppID, before string, limit int) ([]jobs.Job, error) {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return nil, err
	}
	return d.office.jobs.Jobs(ctx, app, before, limit)
}

// Refused returns what a job has refused so far: first the malformed and foreign lines
// in their order, then the OpenIDs in byte order. An error ends it.
func (d *Desk) Refused(ctx context.Context, app mpblock.AppID, id string) iter.Seq2[jobs.RefusedLine, error] {
	if _, err := d.account(ctx, operators.RoleViewer, app); err != nil {
		return failing[jobs.RefusedLine](err)
	}
	return d.office.jobs.Refused(ctx, app, id)
}

// PreviewUndoJob says what UndoJob would do to a job, from a look at the first
// 10,000 or so of its OpenIDs.
func (d *Desk) PreviewUndoJob(ctx context.Context, app mpblock.AppID, id string) (lists.UndoPreview, error) {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return lists.UndoPreview{}, err
	}
	return d.office.jobs.PreviewUndo(ctx, app, id)
}

// UndoJob starts a job that undoes all changes of another, as Undo does. What is left
// alone is among its refused ones.
func (d *Desk) UndoJob(ctx context.Context, app mpblock.AppID, id, reason string) (jobs.Job, error) {
	if _, err := d.account(ctx, operators.RoleOperator, app); err != nil {
		return jobs.Job{}, err
	}
	return d.office.jobs.Undo(ctx, app, d.Operator().Name, id, reason)
}
