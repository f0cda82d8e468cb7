package platform

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"mpblock"
)

// StartJob starts a drafted job. A job that has been started is a Refusal.
func (d *Desk) StartJob(ctx context.Context, app mpblock.AppID, id, reason string) (Job, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return Job{}, err
	}
	reason, err := checkReason(reason)
	if err != nil {
		return Job{}, err
	}
	if _, err := d.draft(ctx, app, id); err != nil {
		return Job{}, err
	}
	if err := d.p.enqueue(ctx, app, id); err != nil {
		return Job{}, err
	}
	j, err := d.p.editJob(ctx, app, id, func(j *storedJob) error {
		if j.State != JobDraft {
			return started(id)
		}
		j.State, j.Reason = JobQueued, reason
		j.Started, j.expires = time.Now().UnixMilli(), time.Time{}
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	d.p.wake()
	return j.view(), nil
}

func started(id string) error { return refuse("the job %q has been started", id) }

func (d *Desk) draft(ctx context.Context, app mpblock.AppID, id string) (*storedJob, error) {
	j, err := d.p.readJob(ctx, app, id)
	if err == nil && j.State != JobDraft {
		err = started(id)
	}
	return j, err
}

// DropJob forgets a draft. A job that has been started is a Refusal.
func (d *Desk) DropJob(ctx context.Context, app mpblock.AppID, id string) error {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return err
	}
	j, err := d.draft(ctx, app, id)
	if err != nil {
		return err
	}
	err = d.p.store.Delete(ctx, kindJob, j.key(), j.version)
	if errors.Is(err, mpblock.ErrConflict) {
		return started(id)
	}
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return err
	}
	for _, kind := range []string{kindJobList, kindJobBad} {
		for r, err := range d.p.pieces(ctx, kind, app, id) {
			if err != nil {
				return err
			}
			if err := d.p.store.Delete(ctx, kind, r.Key, r.Version); err != nil && !errors.Is(err, mpblock.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// StopJob has a job stop after the batch under way. What it has done stays done. A job
// that is not active is a Refusal.
func (d *Desk) StopJob(ctx context.Context, app mpblock.AppID, id string) (Job, error) {
	if _, err := d.account(ctx, RoleOperator, app); err != nil {
		return Job{}, err
	}
	j, err := d.p.editJob(ctx, app, id, func(j *storedJob) error {
		switch j.State {
		case JobQueued:
			j.end(JobStopped)
		case JobRunning:
			j.State = JobStopping
		case JobStopping:
		default:
			return refuse("the job %q does not run", id)
		}
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	return j.view(), nil
}

// Job returns a job of an account.
func (d *Desk) Job(ctx context.Context, app mpblock.AppID, id string) (Job, error) {
	if _, err := d.account(ctx, RoleViewer, app); err != nil {
		return Job{}, err
	}
	j, err := d.p.readJob(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	return j.view(), nil
}

// Jobs returns the jobs of an account, newest first, those before a given id: "" for
// the newest. Drafts are left out.
func (d *Desk) Jobs(ctx context.Context, app mpblock.AppID, before string, limit int) ([]Job, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	if _, err := d.account(ctx, RoleViewer, app); err != nil {
		return nil, err
	}
	var all []Job
	for r, err := range d.p.under(ctx, kindJob, string(app)+"/") {
		if err != nil {
			return nil, err
		}
		id := strings.TrimPrefix(r.Key, string(app)+"/")
		if before != "" && id >= before {
			break
		}
		j, err := jobOf(r, app, id)
		if err != nil {
			return nil, err
		}
		if j.State != JobDraft {
			all = append(all, j.view())
		}
	}
	all = all[max(0, len(all)-limit):]
	slices.Reverse(all)
	return all, nil
}

// under reads the records of a kind whose keys begin with head.
func (p *Platform) under(ctx context.Context, kind, head string) iter.Seq2[mpblock.Record, error] {
	return func(yield func(mpblock.Record, error) bool) {
		const piece = 100
		for after := head; ; {
			records, err := p.store.List(ctx, kind, after, piece)
			if err != nil {
				yield(mpblock.Record{}, err)
				return
			}
			for _, r := range records {
				if !strings.HasPrefix(r.Key, head) || !yield(r, nil) {
					return
				}
				after = r.Key
			}
			if len(records) < piece {
				return
			}
		}
	}
}

// pieces reads what belongs to a job, one record after the other.
func (p *Platform) pieces(ctx context.Context, kind string, app mpblock.AppID, id string) iter.Seq2[mpblock.Record, error] {
	return func(yield func(mpblock.Record, error) bool) {
		head := string(app) + "/" + id + "/"
		for after := head; ; {
			records, err := p.store.List(ctx, kind, after, 1) // each may be large
			if err != nil {
				yield(mpblock.Record{}, err)
				return
			}
			if len(records) == 0 || !strings.HasPrefix(records[0].Key, head) || !yield(records[0], nil) {
				return
			}
			after = records[0].Key
		}
	}
}

// Refused returns what a job has refused so far: first the malformed and foreign lines
// in their order, then the OpenIDs in byte order. An error ends it.
func (d *Desk) Refused(ctx context.Context, app mpblock.AppID, id string) iter.Seq2[RefusedLine, error] {
	return func(yield func(RefusedLine, error) bool) {
		_, err := d.account(ctx, RoleViewer, app)
		if err == nil {
			_, err = d.p.readJob(ctx, app, id)
		}
		if err != nil {
			yield(RefusedLine{}, err)
			return
		}
		for _, kind := range []string{kindJobBad, kindJobResult} {
			for r, err := range d.p.pieces(ctx, kind, app, id) {
				var lines []RefusedLine
				if err == nil {
					lines, err = refusedOf(r)
				}
				if err != nil {
					yield(RefusedLine{}, err)
					return
				}
				for _, line := range lines {
					if !yield(line, nil) {
						return
					}
				}
			}
		}
	}
}

func refusedOf(r mpblock.Record) ([]RefusedLine, error) {
	if r.Kind == kindJobBad {
		var lines []RefusedLine
		return lines, decode(r, &lines)
	}
	var result chunkResult
	err := decode(r, &result)
	return result.Refused, err
}
