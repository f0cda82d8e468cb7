package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
)

// A job is run by one runner at a time: the one that its record names as holder, for
// leaseTime after each write. Of a node that dies nothing is left but a batch that
// may have been applied and not been counted; whoever takes over finds out from the
// log, where each change bears the job as its actor. Should two nodes work on a job
// at once, since one of them was held up, then one fails to write its progress and
// leaves it to the other.
const (
	leaseTime  = 15 * time.Second
	queueEvery = time.Second
	maxRunning = 4           // jobs at once on a node
	queueGrace = time.Minute // after which a place in the queue without a job is given up
)

// queued is a place in the queue: the value of its record, whose key is the id.
type queued struct {
	AppID mpblock.AppID `json:"appid"`
	At    int64         `json:"at"`
}

// enqueue takes a place in the queue; it is taken before the job is started, so that
// none that was started is forgotten.
func (p *Platform) enqueue(ctx context.Context, app mpblock.AppID, id string) error {
	return p.putAnyway(ctx, encode(kindJobQueue, id, 0, queued{AppID: app, At: time.Now().UnixMilli()}))
}

// wake has this node look into the queue now.
func (p *Platform) wake() {
	select {
	case p.jobs <- struct{}{}:
	default:
	}
}

// runJobs takes jobs from the queue until ctx ends, and waits for those under way.
func (p *Platform) runJobs(ctx context.Context, report func(error)) {
	tick := time.NewTicker(queueEvery)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxRunning)
	for {
		if err := p.takeJobs(ctx, slots, &wg, report); err != nil && ctx.Err() == nil {
			report(fmt.Errorf("look for jobs: %w", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.jobs:
		}
	}
}

// takeJobs starts what waits in the queue, while there are slots.
func (p *Platform) takeJobs(ctx context.Context, slots chan struct{}, wg *sync.WaitGroup, report func(error)) error {
	for r, err := range p.under(ctx, kindJobQueue, "") {
		if err != nil {
			return err
		}
		select {
		case slots <- struct{}{}:
		default:
			return nil
		}
		j, err := p.claim(ctx, r)
		if err != nil || j == nil {
			<-slots
			if err != nil {
				return err
			}
			continue
		}
		wg.Go(func() {
			defer func() { <-slots; p.wake() }()
			if err := p.runJob(ctx, j); err != nil && ctx.Err() == nil && !errors.Is(err, errTakenOver) {
				report(fmt.Errorf("job %s of account %s: %w", j.id, j.app, err))
			}
		})
	}
	return nil
}

// claim takes hold of a job in the queue, or returns nil if that is not to be had.
func (p *Platform) claim(ctx context.Context, r mpblock.Record) (*storedJob, error) {
	var q queued
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	now := time.Now()
	j, err := p.readJob(ctx, q.AppID, r.Key)
	gone := errors.As(err, new(Refusal))
	if err != nil && !gone {
		return nil, err
	}
	switch {
	case gone, j.State == JobDraft:
		if now.Sub(time.UnixMilli(q.At)) < queueGrace {
			return nil, nil
		}
		return nil, p.leaveQueue(ctx, r)
	case !j.view().Active():
		return nil, p.leaveQueue(ctx, r)
	case j.Holder != "" && now.UnixMilli() < j.Until:
		return nil, nil
	}
	j.Holder = randomHex(8)
	if j.State == JobQueued {
		j.State = JobRunning
	}
	err = p.renew(ctx, j)
	if errors.Is(err, mpblock.ErrConflict) {
		return nil, nil
	}
	return j, err
}

func (p *Platform) leaveQueue(ctx context.Context, r mpblock.Record) error {
	err := p.store.Delete(ctx, kindJobQueue, r.Key, r.Version)
	if errors.Is(err, mpblock.ErrNotFound) || errors.Is(err, mpblock.ErrConflict) {
		return nil
	}
	return err
}

// renew writes a job that this node holds.
func (p *Platform) renew(ctx context.Context, j *storedJob) error {
	j.Until = time.Now().Add(leaseTime).UnixMilli()
	return p.putJob(ctx, j)
}

// end is the end of a job, whichever.
func (j *storedJob) end(state JobState) {
	now := time.Now()
	j.State, j.Ended, j.expires = state, now.UnixMilli(), now.Add(JobLife)
	j.Holder, j.Until = "", 0
}

var errTakenOver = errors.New("platform: another node has taken the job over")

// runJob works through a job that this node holds.
func (p *Platform) runJob(ctx context.Context, j *storedJob) error {
	for first := true; ; first = false {
		var result chunkResult
		var err error
		switch {
		case j.State == JobStopping && !first:
			return p.advance(ctx, j, nil, JobStopped)
		case j.Next >= j.Chunks:
			return p.advance(ctx, j, nil, JobDone)
		case j.State == JobStopping:
			// The holder before may have been in the middle of a batch: that is
			// brought to its end, another is not begun.
			begun, err := p.begun(ctx, j)
			if err != nil {
				return err
			}
			if !begun {
				return p.advance(ctx, j, nil, JobStopped)
			}
		}
		result, err = p.runChunk(ctx, j, first)
		if errors.Is(err, errListGone) {
			return p.advance(ctx, j, nil, JobFailed)
		}
		if err == nil {
			err = p.keepResult(ctx, j, result)
		}
		if err == nil {
			err = p.advance(ctx, j, &result, "")
		}
		if err != nil {
			p.letGo(ctx, j)
			return err
		}
	}
}

// keepResult writes what came of a chunk; it does so before that is counted.
func (p *Platform) keepResult(ctx context.Context, j *storedJob, result chunkResult) error {
	value, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return p.putAnyway(ctx, mpblock.Record{
		Kind: kindJobResult, Key: j.chunkKey(j.Next), Value: value, Expires: time.Now().Add(listLife + JobLife),
	})
}

// advance counts a chunk, or ends the job. If an operator has written in between (to
// stop the job) it counts on top of that; if another node holds the job now, it fails.
func (p *Platform) advance(ctx context.Context, j *storedJob, result *chunkResult, end JobState) error {
	for {
		next := *j
		if result != nil {
			next.Next++
			next.Progress.Done += result.done
			next.Progress.Already += result.already
			next.Progress.Refused += len(result.Refused)
		}
		if end != "" {
			next.end(end)
			if end == JobFailed {
				next.Problem = "the list of the job is gone: it was not run within 30 days"
			}
		} else {
			next.Until = time.Now().Add(leaseTime).UnixMilli()
		}
		err := p.putJob(ctx, &next)
		if err == nil {
			*j = next
			return nil
		}
		if !errors.Is(err, mpblock.ErrConflict) {
			return err
		}
		now, err := p.readJob(ctx, j.app, j.id)
		if err != nil {
			return err
		}
		if now.Holder != j.Holder || now.Next != j.Next {
			return errTakenOver
		}
		*j = *now
	}
}

// letGo gives a job back, so that it goes on at once elsewhere, or here after a
// restart. If that fails too, the lease runs out.
func (p *Platform) letGo(ctx context.Context, j *storedJob) {
	if ctx.Err() == nil {
		return // the store has failed: try again when the lease has run out
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, _ = p.editJob(ctx, j.app, j.id, func(now *storedJob) error {
		if now.Holder != j.Holder {
			return errTakenOver
		}
		now.Holder, now.Until = "", 0
		return nil
	})
}

var errListGone = errors.New("platform: the list of a job is gone")

// items reads a chunk of a list.
func (p *Platform) items(ctx context.Context, j *storedJob, n int) ([]jobItem, error) {
	r, err := p.store.Get(ctx, kindJobList, j.chunkKey(n))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, errListGone
	}
	if err != nil {
		return nil, err
	}
	return decodeItems(r)
}

func idsOf(items []jobItem) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, len(items))
	for i, it := range items {
		ids[i] = it.id
	}
	return ids
}
