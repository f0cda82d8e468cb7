package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/jobs/item"
)

// A lease is renewed by each write of the job, and by a heartbeat while the work takes
// long. All of it is on the machine's own time, as the
// queue is: facts about a job (begun, ended, kept until) are on the Clock.
const (
	leaseTime = 15 * time.Second
	beatEvery = leaseTime / 3 // after the lease was renewed
	beatAgain = time.Second   // after that has failed

	// clockSlack is how far the clocks of two nodes may be apart. A lease that ends
	// later than its time and this allow was given by a clock that was wrong, and
	// counts as none.
	clockSlack = 5 * time.Second
)

var (
	errTakenOver = errors.New("jobs: another node has taken the job over")
	errLeaseOver = errors.New("jobs: the lease of the job could not be renewed in time")
)

// held tells whether a node holds the job.
func (j *storedJob) held(now time.Time) bool {
	until := time.UnixMilli(j.Until)
	return j.Holder != "" && now.Before(until) && !until.After(now.Add(leaseTime+clockSlack))
}

// lease is this node's hold of a job. What it writes of the job goes through here.
type lease struct {
	svc *Service

	token chan struct{} // taken while the job is written
	job   storedJob     // as it was written last
	until time.Time     // when the lease ends
}

// hold keeps a job that was claimed until release is called. The context that it
// returns ends when the lease is lost; its cause says why.
func (svc *Service) hold(ctx context.Context, j *storedJob) (work context.Context, l *lease, release func()) {
	work, cancel := context.WithCancelCause(ctx)
	l = &lease{svc: svc, token: make(chan struct{}, 1), job: *j, until: time.Now().Add(time.Until(time.UnixMilli(j.Until)))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(l.beat(work))
	}()
	return work, l, func() { cancel(nil); <-done }
}

// beat renews the lease until ctx ends or the lease is lost.
func (l *lease) beat(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(time.Until(l.ends())-leaseTime+beatEvery, beatAgain)):
		}
		if err := l.renew(ctx); err != nil {
			return err
		}
	}
}

// ends returns when the lease ends.
func (l *lease) ends() time.Time {
	l.token <- struct{}{}
	defer func() { <-l.token }()
	return l.until
}

// renew renews the lease. Where that fails it is tried again, until the lease ends:
// then another node may begin, so the work has to end as well.
func (l *lease) renew(ctx context.Context) error {
	until := l.ends()
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := l.write(ctx, func(*storedJob) {})
	switch {
	case err == nil, errors.Is(err, errTakenOver):
		return err
	case time.Now().Before(until):
		return nil
	}
	return fmt.Errorf("%w: %w", errLeaseOver, err)
}

// now returns the job as it was written last.
func (l *lease) now() storedJob {
	l.token <- struct{}{}
	defer func() { <-l.token }()
	return l.job
}

// write changes the job. If an operator has written in between (to stop the job), the
// change comes on top of that; if another node holds the job now, it fails with
// errTakenOver. change may be called several times.
func (l *lease) write(ctx context.Context, change func(*storedJob)) error {
	select {
	case l.token <- struct{}{}:
		defer func() { <-l.token }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for l.job.Holder != "" { // else it has ended
		next := l.job
		change(&next)
		until := time.Now().Add(leaseTime)
		if next.Holder != "" {
			next.Until = until.UnixMilli()
		}
		err := l.svc.putJob(ctx, &next)
		if err == nil {
			l.job, l.until = next, until
			return nil
		}
		if !errors.Is(err, mpblock.ErrConflict) {
			return err
		}
		now, err := l.svc.readJob(ctx, l.job.app, l.job.id)
		if err != nil {
			return err
		}
		if now.Holder != l.job.Holder || now.Next != l.job.Next {
			return errTakenOver
		}
		l.job = *now
	}
	return nil
}

// advance counts a chunk.
func (l *lease) advance(ctx context.Context, result chunkResult) error {
	return l.write(ctx, func(j *storedJob) {
		j.Next++
		j.From = max(j.From, result.seen)
		j.Progress.Done += result.done
		j.Progress.Already += result.already
		j.Progress.Refused += len(result.Refused)
		j.Codes, j.Delay = item.SumCodes(j.Codes, result.codes), nil
	})
}

// end ends the job, which has a problem if it failed.
func (l *lease) end(ctx context.Context, state JobState, problem string) error {
	return l.write(ctx, func(j *storedJob) {
		j.end(state, l.svc.clock.Now())
		j.Problem = problem
	})
}
