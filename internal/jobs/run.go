package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/jobs/item"
	"mpblock/internal/jobs/queue"
	"mpblock/internal/record"
)

// A job is run by one runner at a time, which holds a lease. Of a node that dies nothing
// is left but a batch that may have been applied and not been counted; whoever takes
// over finds out from the log, where each change bears the job as its actor. Should two
// nodes work on a job at once, since one of them was held up, then one fails to write
// its progress and leaves it to the other.
const (
	queueEvery = time.Second
	maxRunning = 4           // jobs at once on a node
	queueGrace = time.Minute // after which a place in the queue without a job is given up
)

// enqueue takes a place in the queue, if there is room for so many OpenIDs; it is taken
// before the job is started, so that none that was started is forgotten.
func (svc *Service) enqueue(ctx context.Context, app mpblock.AppID, id string, items int) error {
	return svc.queue.Take(ctx, id, queue.Place{AppID: app, At: time.Now().UnixMilli(), Items: items})
}

// wake has this node look into the queue now.
func (svc *Service) wake() {
	select {
	case svc.jobs <- struct{}{}:
	default:
	}
}

// Run works through jobs until ctx ends, and waits for the batches under way. It is to
// run on every node, once; nodes share the work. report is told of errors that Run will
// try to overcome by itself; it may be called from several goroutines.
func (svc *Service) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(queueEvery)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxRunning)
	for {
		if err := svc.takeJobs(ctx, slots, &wg, report); err != nil && ctx.Err() == nil {
			report(fmt.Errorf("look for jobs: %w", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-svc.jobs:
		}
	}
}

// takeJobs starts what waits in the queue, while there are slots. What this node runs
// already is left alone, however long it takes.
func (svc *Service) takeJobs(ctx context.Context, slots chan struct{}, wg *sync.WaitGroup, report func(error)) error {
	for r, err := range queue.Places.Under(ctx, svc.store, "", recordsAtOnce) {
		if err != nil {
			return err
		}
		if _, runs := svc.running.Load(r.Key); runs {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			return nil
		}
		j, err := svc.claim(ctx, r)
		if err != nil || j == nil {
			<-slots
			if err != nil {
				return err
			}
			continue
		}
		svc.running.Store(j.id, nil)
		wg.Go(func() {
			defer func() { svc.running.Delete(j.id); <-slots; svc.wake() }()
			if err := svc.runJob(ctx, j); err != nil && ctx.Err() == nil && !errors.Is(err, errTakenOver) && !errors.Is(err, errNoJob) && mpblock.KindOf(err) != mpblock.Limited {
				report(fmt.Errorf("job %s of account %s: %w", j.id, j.app, err))
			}
		})
	}
	return nil
}

// claim takes hold of a job in the queue, or returns nil if that is not to be had.
func (svc *Service) claim(ctx context.Context, r record.Entry[queue.Place]) (*storedJob, error) {
	q, now := r.Value, time.Now()
	j, err := svc.readJob(ctx, q.AppID, r.Key)
	gone := errors.Is(err, errNoJob)
	if err != nil && !gone {
		return nil, err
	}
	switch {
	case gone, j.State == JobDraft:
		if now.Sub(time.UnixMilli(q.At)).Abs() < queueGrace {
			return nil, nil
		}
		return nil, queue.Places.Delete(ctx, svc.store, r.Key, r.Version)
	case !j.view().Active():
		return nil, svc.bury(ctx, j, r)
	case j.held(now):
		return nil, nil
	}
	if j.State == JobQueued { // it has changed nothing yet
		head, err := svc.store.Blacklist(ctx, j.app, mpblock.OpenID{}, 0)
		if err != nil {
			return nil, err
		}
		j.State, j.From = JobRunning, head.Seq
	}
	j.Holder, j.Until = randomHex(8), time.Now().Add(leaseTime).UnixMilli()
	err = svc.putJob(ctx, j)
	if errors.Is(err, mpblock.ErrConflict) {
		return nil, nil
	}
	return j, err
}

// recordsAtOnce is how many small records are read, or pieces of a list removed, at a time.
const recordsAtOnce = queue.AtOnce

// bury removes what is left of the list of a job that has ended, which nothing reads
// any more, and then its place in the queue.
func (svc *Service) bury(ctx context.Context, j *storedJob, place record.Entry[queue.Place]) error {
	n := 0
	for r, err := range pieces(ctx, svc.store, kindJobList, j.app, j.id) {
		if err != nil {
			return err
		}
		if err := kindJobList.Delete(ctx, svc.store, r.Key, r.Version); err != nil {
			return err
		}
		if n++; n == recordsAtOnce {
			return nil // the others when the queue is looked at next
		}
	}
	return queue.Places.Delete(ctx, svc.store, place.Key, place.Version)
}

// end is the end of a job, whichever.
func (j *storedJob) end(state JobState, now time.Time) {
	j.State, j.Ended, j.expires = state, now.UnixMilli(), now.Add(JobLife)
	j.Holder, j.Until = "", 0
}

// runJob works through a job that this node holds.
func (svc *Service) runJob(ctx context.Context, j *storedJob) error {
	work, l, release := svc.hold(ctx, j)
	err := svc.work(work, l)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause // the lease is lost
	} else if err != nil {
		svc.delayed(work, l, err)
	}
	release()
	if err != nil {
		svc.letGo(ctx, j)
	}
	return err
}

// work works through a job under a lease.
func (svc *Service) work(ctx context.Context, l *lease) error {
	for first := true; ; first = false {
		j := l.now()
		state, problem := JobStopped, ""
		late := j.Ends != 0 && !svc.clock.Now().Before(at(j.Ends))
		if late && j.State != JobStopping {
			state, problem = JobFailed, ProblemLate
		}
		switch {
		case j.State == JobStopping && !first:
			return l.end(ctx, state, problem)
		case j.Next >= j.Chunks:
			return l.end(ctx, JobDone, "")
		case late && !first:
			return l.end(ctx, state, problem)
		case late, j.State == JobStopping:
			// The holder before may have been in the middle of a batch: that is
			// brought to its end, another is not begun.
			begun, err := svc.begun(ctx, &j)
			if err != nil {
				return err
			}
			if !begun {
				return l.end(ctx, state, problem)
			}
		}
		result, err := svc.runChunk(ctx, &j, first)
		if errors.Is(err, errListGone) {
			return l.end(ctx, JobFailed, ProblemGone)
		}
		if errors.Is(err, mpblock.ErrRetired) {
			return l.end(ctx, JobStopped, "")
		}
		if err == nil {
			err = svc.keepResult(ctx, &j, result)
		}
		if err == nil {
			err = l.advance(ctx, result)
		}
		if err == nil && result.list.Version != 0 {
			err = kindJobList.Delete(ctx, svc.store, result.list.Key, result.list.Version)
		}
		if err != nil {
			return err
		}
	}
}

// keepResult writes what came of a chunk; it does so before that is counted.
func (svc *Service) keepResult(ctx context.Context, j *storedJob, result chunkResult) error {
	return kindJobResult.Overwrite(ctx, svc.store, record.Entry[chunkResult]{
		Key: j.chunkKey(j.Next), Value: result, Expires: svc.clock.Now().Add(listLife + JobLife),
	})
}

// letGo gives a job back, so that it goes on at once elsewhere, or here after a
// restart. If that fails too, the lease runs out.
func (svc *Service) letGo(ctx context.Context, j *storedJob) {
	if ctx.Err() == nil {
		return // the store has failed: try again when the lease has run out
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, _ = svc.editJob(ctx, j.app, j.id, func(now *storedJob) error {
		if now.Holder != j.Holder {
			return errTakenOver
		}
		now.Holder, now.Until = "", 0
		return nil
	})
}

var errListGone = errors.New("jobs: the list of a job is gone")

// items reads a chunk of a list, and returns its record too.
func (svc *Service) items(ctx context.Context, j *storedJob, n int) ([]item.Item, record.Entry[[]byte], error) {
	r, err := kindJobList.Get(ctx, svc.store, j.chunkKey(n))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, r, errListGone
	}
	if err != nil {
		return nil, r, err
	}
	items, err := item.Decode(r.Value)
	if err != nil {
		err = fmt.Errorf("%s: %w", r.Key, err)
	}
	return items, r, err
}
