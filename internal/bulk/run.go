package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/client"
)

// Options say how a job runs.
type Options struct {
	Workers  int          // calls at the same time; 0: 1
	Progress func(Counts) // told after each call; may be nil
	Notice   func(string) // told why the job slows down or waits; may be nil
}

// Limits of patience.
const (
	maxTroubles  = 5                // calls in a row that fail before the job stops
	firstPause   = time.Second      // after a call that failed; twice as long each time
	maxSettles   = 5                // times that the list is read to settle what is unknown
	minuteMargin = 2 * time.Second  // beyond the beginning of a minute, for clocks that differ
	callTimeout  = 90 * time.Second // of a call under way when the job is cancelled
)

// Run sends what is to be done, settles what is unknown, and returns when nothing
// is left, the context has ended or the server cannot be worked with; the error
// says which. Calls under way are waited for, so that their answers are not lost.
// Run may be called again on a job that has not ended.
func (j *Job) Run(ctx context.Context, s Server, o Options) error {
	for range maxSettles {
		if err := j.settle(ctx, s); err != nil {
			return err
		}
		work := batches(j.Items)
		if len(work) == 0 {
			return nil
		}
		r := &runner{job: j, server: s, options: o}
		if err := r.run(ctx, work); err != nil {
			return err
		}
	}
	if err := j.settle(ctx, s); err != nil {
		return err
	}
	if n := j.Counts().NotAttempted; n > 0 {
		return fmt.Errorf("the answers to %d OpenIDs were lost again and again, and they have not happened: the connection to the server is bad", n)
	}
	return nil
}

// settle reads the list, where anything is unknown, and finds out what happened.
func (j *Job) settle(ctx context.Context, s Server) error {
	if j.Counts().Unknown == 0 {
		return nil
	}
	live := make(map[client.OpenID]bool)
	for id, err := range s.All(ctx) {
		if err != nil {
			return fmt.Errorf("read the blacklist to find out what has happened: %w", err)
		}
		live[id] = true
	}
	var done, todo []int
	for i, it := range j.Items {
		switch {
		case it.Status != Unknown:
		case live[it.OpenID] == (it.Action == mpblock.Block):
			done = append(done, i)
		default:
			todo = append(todo, i)
		}
	}
	for status, places := range map[Status][]int{Done: done, Todo: todo} {
		if len(places) > 0 {
			if err := j.became(places, status, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// runner is one pass over what is to be done.
type runner struct {
	job     *Job
	server  Server
	options Options

	mu       sync.Mutex // of all below, and of the job
	work     [][]int
	underway int // batches that may yet be split
	ready    sync.Cond
	troubles int   // calls in a row that failed
	stopped  error // why no more is sent
	waitTill time.Time
}

func (r *runner) run(ctx context.Context, work [][]int) error {
	r.work = work
	r.ready.L = &r.mu
	defer context.AfterFunc(ctx, func() { r.stop(context.Cause(ctx)) })()
	var wg sync.WaitGroup
	for range max(r.options.Workers, 1) {
		wg.Go(func() {
			for {
				places, ok := r.next(ctx)
				if !ok {
					return
				}
				r.send(ctx, places)
			}
		})
	}
	wg.Wait()
	return r.stopped
}

func (r *runner) stop(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked(why)
}

func (r *runner) stopLocked(why error) {
	if r.stopped == nil {
		r.stopped = why
	}
	r.ready.Broadcast()
}

// next returns a batch that is written down as about to be sent, once it is time
// to send it.
func (r *runner) next(ctx context.Context) ([]int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if ctx.Err() != nil {
			r.stopLocked(context.Cause(ctx))
		}
		if r.stopped != nil {
			return nil, false
		}
		if pause := time.Until(r.waitTill); pause > 0 {
			r.mu.Unlock()
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			r.mu.Lock()
			continue
		}
		if len(r.work) > 0 {
			break
		}
		if r.underway == 0 {
			return nil, false
		}
		r.ready.Wait()
	}
	places := r.work[0]
	r.work = r.work[1:]
	if err := r.job.sending(places); err != nil {
		r.stopLocked(err)
		return nil, false
	}
	r.underway++
	return places, true
}

// send makes one call. It goes on to its end when the job is cancelled: its answer
// tells what happened.
func (r *runner) send(ctx context.Context, places []int) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	ids := make([]client.OpenID, len(places))
	for i, at := range places {
		ids[i] = r.job.Items[at].OpenID
	}
	send := r.server.Block
	if r.job.Items[places[0]].Action == mpblock.Unblock {
		send = r.server.Unblock
	}
	r.took(places, send(call, ids...))
}

// took notes what has come of a call.
func (r *runner) took(places []int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.ready.Broadcast()
	r.underway--
	if err := r.judge(places, err); err != nil {
		r.stopLocked(err)
	}
	if r.options.Progress != nil {
		r.options.Progress(r.job.Counts())
	}
}

// judge writes the outcome down. Its error ends the job.
func (r *runner) judge(places []int, err error) error {
	var refused *client.Error
	var lost *client.UnknownOutcomeError
	switch {
	case err == nil:
		r.troubles = 0
		return r.job.became(places, Done, 0)
	case errors.Is(err, client.ErrInvalidOpenID), errors.Is(err, client.ErrNotThisAccount):
		r.troubles = 0
		errors.As(err, &refused)
		if len(places) == 1 {
			return r.job.became(places, Refused, refused.Code)
		}
		return r.again(places[:len(places)/2], places[len(places)/2:])
	case errors.Is(err, client.ErrTooFast):
		r.waitTill = time.Now().Truncate(time.Minute).Add(time.Minute + minuteMargin)
		r.notice("the server says too fast (45011): waiting for the next minute")
		return r.again(places)
	case errors.Is(err, client.ErrDailyQuota):
		return errors.Join(r.again(places), fmt.Errorf("the account's calls for today are used up; go on after midnight of UTC+8: %w", err))
	case errors.Is(err, client.ErrSystem), errors.As(err, &lost):
		return r.trouble(err) // it may have happened: it stays unknown, until the list is read
	}
	return errors.Join(r.again(places), err)
}

// again puts batches that have not happened back at the head of the work.
func (r *runner) again(batches ...[]int) error {
	for _, places := range batches {
		if err := r.job.became(places, Todo, 0); err != nil {
			return err
		}
	}
	r.work = append(batches, r.work...)
	return nil
}

// trouble slows the job down, and ends it when it does not pass.
func (r *runner) trouble(cause error) error {
	if r.troubles++; r.troubles >= maxTroubles {
		return fmt.Errorf("%d calls in a row have failed, the last with: %w", r.troubles, cause)
	}
	pause := firstPause << (r.troubles - 1)
	r.waitTill = time.Now().Add(pause)
	r.notice(fmt.Sprintf("a call failed (%v): waiting %v", cause, pause))
	return nil
}

func (r *runner) notice(text string) {
	if r.options.Notice != nil {
		r.options.Notice(text)
	}
}
