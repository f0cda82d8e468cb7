package jobs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/record"
)

// Start starts a drafted job. What it blocks ends at a time, zero: never. A job that has
// been started, or for which the queue has no room, is a refusal.
func (svc *Service) Start(ctx context.Context, app mpblock.AppID, id, reason string, ends time.Time) (Job, error) {
	reason, err := lists.CheckReason(reason)
	if err := errors.Join(err, svc.lists.CheckUntil(ends)); err != nil {
		return Job{}, err
	}
	j, err := svc.draft(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	if err := svc.enqueue(ctx, app, id, j.Progress.Total); err != nil {
		return Job{}, err
	}
	j, err = svc.editJob(ctx, app, id, func(j *storedJob) error {
		if j.State != JobDraft {
			return started(id)
		}
		if j.Action != mpblock.Block {
			ends = time.Time{}
		}
		j.State, j.Reason, j.Ends = JobQueued, reason, mpblock.EndMilli(ends)
		j.Started, j.expires = svc.clock.Now().UnixMilli(), time.Time{}
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	svc.wake()
	return j.view(), nil
}

// Room refuses if an account has as many jobs under way as it may have.
func (svc *Service) Room(ctx context.Context, app mpblock.AppID) error {
	return svc.queue.Room(ctx, app, 1)
}

func started(id string) error { return errJobStarted.With(id) }

func (svc *Service) draft(ctx context.Context, app mpblock.AppID, id string) (*storedJob, error) {
	j, err := svc.readJob(ctx, app, id)
	if err == nil && j.State != JobDraft {
		err = started(id)
	}
	return j, err
}

// Drop forgets a draft. A job that has been started is a refusal.
func (svc *Service) Drop(ctx context.Context, app mpblock.AppID, id string) error {
	j, err := svc.draft(ctx, app, id)
	if err != nil {
		return err
	}
	err = svc.store.Delete(ctx, string(kindJob), j.key(), j.version)
	if errors.Is(err, mpblock.ErrConflict) {
		return started(id)
	}
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return err
	}
	return errors.Join(drop(ctx, svc.store, kindJobList, app, id), drop(ctx, svc.store, kindJobBad, app, id))
}

// drop removes what belongs to a job.
func drop[T any](ctx context.Context, store mpblock.Records, kind record.Kind[T], app mpblock.AppID, id string) error {
	for e, err := range pieces(ctx, store, kind, app, id) {
		if err != nil {
			return err
		}
		if err := kind.Delete(ctx, store, e.Key, e.Version); err != nil {
			return err
		}
	}
	return nil
}

// Stop has a job stop after the batch under way. What it has done stays done. A job
// that is not active is a refusal.
func (svc *Service) Stop(ctx context.Context, app mpblock.AppID, id string) (Job, error) {
	j, err := svc.editJob(ctx, app, id, func(j *storedJob) error {
		switch j.State {
		case JobQueued:
			j.end(JobStopped, svc.clock.Now())
		case JobRunning:
			j.State = JobStopping
		case JobStopping:
		default:
			return errJobNotRunning.With(id)
		}
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	return j.view(), nil
}

// Job returns a job of an account.
func (svc *Service) Job(ctx context.Context, app mpblock.AppID, id string) (Job, error) {
	j, err := svc.readJob(ctx, app, id)
	if err != nil {
		return Job{}, err
	}
	return svc.stand(ctx, j)
}

// Jobs returns the jobs of an account, newest first, those before a given id: "" for
// the newest. Drafts are among them.
func (svc *Service) Jobs(ctx context.Context, app mpblock.AppID, before string, limit int) ([]Job, error) {
	if err := lists.CheckLimit(limit); err != nil {
		return nil, err
	}
	var all []*storedJob
	for r, err := range kindJob.Under(ctx, svc.store, string(app)+"/", recordsAtOnce) {
		if err != nil {
			return nil, err
		}
		id := strings.TrimPrefix(r.Key, string(app)+"/")
		if before != "" && id >= before {
			break
		}
		all = append(all, jobOf(r, app, id))
	}
	all = all[max(0, len(all)-limit):]
	slices.Reverse(all)
	views := make([]Job, 0, len(all))
	for _, j := range all {
		v, err := svc.stand(ctx, j)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// pieces reads what belongs to a job, one record after the other.
func pieces[T any](ctx context.Context, store mpblock.Records, kind record.Kind[T], app mpblock.AppID, id string) iter.Seq2[record.Entry[T], error] {
	return kind.Under(ctx, store, string(app)+"/"+id+"/", 1) // each may be large
}

// chunks reads pieces of a job that are there from the first one without a gap, by their
// keys: over several shards each is asked of its own alone.
func chunks[T any](ctx context.Context, store mpblock.Records, kind record.Kind[T], app mpblock.AppID, id string) iter.Seq2[record.Entry[T], error] {
	return func(yield func(record.Entry[T], error) bool) {
		for n := 0; ; n++ {
			e, err := kind.Get(ctx, store, chunkKey(app, id, n))
			if errors.Is(err, mpblock.ErrNotFound) || !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Refused returns what a job has refused so far: first the malformed and foreign lines
// in their order, then the OpenIDs in byte order. An error ends it.
func (svc *Service) Refused(ctx context.Context, app mpblock.AppID, id string) iter.Seq2[RefusedLine, error] {
	return func(yield func(RefusedLine, error) bool) {
		if _, err := svc.readJob(ctx, app, id); err != nil {
			yield(RefusedLine{}, err)
			return
		}
		for bad, err := range chunks(ctx, svc.store, kindJobBad, app, id) {
			if !each(bad.Value, err, yield) {
				return
			}
		}
		for result, err := range chunks(ctx, svc.store, kindJobResult, app, id) {
			if !each(result.Value.Refused, err, yield) {
				return
			}
		}
	}
}

// each yields lines, or an error, and tells whether to go on.
func each(lines []RefusedLine, err error, yield func(RefusedLine, error) bool) bool {
	if err != nil {
		yield(RefusedLine{}, err)
		return false
	}
	for _, line := range lines {
		if !yield(line, nil) {
			return false
		}
	}
	return true
}

// Erase forgets the jobs of an account that is gone, with their lists. Places in the queue
// are given up by themselves.
func (svc *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	return record.EraseUnder(ctx, svc.store, string(app)+"/",
		string(kindJob), string(kindJobList), string(kindJobBad), string(kindJobResult))
}
