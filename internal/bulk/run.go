package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"mpblock"
	"mpblock/client"
)

// Options say how a job runs.
type Options struct {
	Workers  int          // calls at the same time; 0: 1
	Progress func(Counts) // told after each call, one at a time; may be nil
	Notice   func(string) // told why the job slows down or waits; may be nil

	Whole  bool          // a batch that is refused ends the run: who is meant is not looked for
	NoWait bool          // so does 45011: the next minute is not waited for
	Pause  time.Duration // after a call that failed, twice as long each time; 0: a second
}

// Limits of patience.
const (
	maxTroubles  = 5                // calls in a row that fail before the job stops
	firstPause   = time.Second      // after a call that failed, unless Options say another
	maxSettles   = 5                // times that the list is read to settle what is unknown
	minuteMargin = 2 * time.Second  // beyond the beginning of a minute, for clocks that differ
	callTimeout  = 90 * time.Second // of a call under way when the job is cancelled
)

// Refused batches are halved until the guilty OpenIDs are found, which is cheap for
// few of them. From about a quarter on it takes more calls than there are OpenIDs,
// so then they go one by one.
const (
	window  = 10   // OpenIDs that are remembered
	manyBad = 0.25 // of them
)

// Run sends what is to be done, settles what is unknown, and returns when nothing
// is left, the context has ended or the server cannot be worked with; the error
// says which. Calls under way are waited for, so that their answers are not lost.
// Run may be called again on a job that has not ended.
func (j *Job) Run(ctx context.Context, s Server, o Options) error {
	for range maxSettles {
		if err := j.Settle(ctx, s); err != nil {
			return err
		}
		work := batches(j.Items)
		if len(work) == 0 {
			return nil
		}
		r := &runner{job: j, server: s, options: o, work: work, halt: make(chan struct{})}
		if err := r.run(ctx); err != nil {
			return err
		}
	}
	if err := j.Settle(ctx, s); err != nil {
		return err
	}
	if n := j.counts.NotAttempted; n > 0 {
		return fmt.Errorf("the answers to %d OpenIDs were lost again and again, and they have not happened: the connection to the server is bad", n)
	}
	return nil
}

// Settle reads the list, where anything is unknown, and finds out what happened. It is
// not for a job that runs.
func (j *Job) Settle(ctx context.Context, s Server) error {
	if j.counts.Unknown == 0 {
		return nil
	}
	l, err := read(ctx, s)
	if err != nil {
		return fmt.Errorf("read the blacklist to find out what has happened: %w", err)
	}
	var done, todo []int
	for i, it := range j.Items {
		switch {
		case it.Status != Unknown:
		case l.blocked[it.OpenID] == (it.Action == mpblock.Block):
			done = append(done, i)
		default:
			todo = append(todo, i)
		}
	}
	for status, places := range map[Status][]int{Done: done, Todo: todo} {
		if len(places) > 0 {
			if err := j.journal.Became(places, status, Refusal{}); err != nil {
				return err
			}
			j.set(places, status, Refusal{})
		}
	}
	return nil
}

// runner is one pass over what is to be done.
type runner struct {
	job     *Job
	server  Server
	options Options
	halt    chan struct{} // closed when no more is sent, for those who wait

	mu       sync.Mutex // of all below, and of the job
	work     [][]int
	underway int // batches that may yet come back
	ready    sync.Cond
	bad      float64 // how many of the last OpenIDs were refused, from 0 to 1
	troubles int     // calls in a row that failed
	stopped  error   // why no more is sent
	waitTill time.Time
}

func (r *runner) run(ctx context.Context) error {
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
				r.took(places, r.send(ctx, places))
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
		close(r.halt)
	}
	r.ready.Broadcast()
}

// next returns a batch that is written down as about to be sent, once it is time
// to send it.
func (r *runner) next(ctx context.Context) ([]int, bool) {
	places, ok := r.take(ctx)
	if !ok {
		return nil, false
	}
	err := r.job.journal.Sending(places)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.underway--
		r.stopLocked(err)
		return nil, false
	}
	r.job.set(places, Unknown, Refusal{})
	return places, true
}

// take takes a batch from the work, once it is time to send it.
func (r *runner) take(ctx context.Context) ([]int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if ctx.Err() != nil {
			r.stopLocked(context.Cause(ctx))
		}
		if r.stopped != nil {
			return nil, false
		}
		if pause := time.Until(r.waitTill); pause > 0 && len(r.work) > 0 {
			r.mu.Unlock()
			select {
			case <-time.After(pause):
			case <-r.halt:
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
	if r.bad > manyBad && len(places) > 1 {
		// It would be refused, and so would its halves.
		r.work = append([][]int{places[1:]}, r.work...)
		places = places[:1]
	}
	r.underway++
	return places, true
}

// send makes one call. It goes on to its end when the job is cancelled: its answer
// tells what happened.
func (r *runner) send(ctx context.Context, places []int) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	ids := make([]client.OpenID, len(places))
	for i, at := range places {
		ids[i] = r.job.Items[at].OpenID
	}
	if r.job.Items[places[0]].Action == mpblock.Unblock {
		return r.server.Unblock(call, ids...)
	}
	return r.server.Block(call, ids...)
}

// took writes down what has come of a call, and does what that asks for.
func (r *runner) took(places []int, answer error) {
	v := judge(len(places), answer)
	if r.options.Whole && (v.split || v.became == Refused) || r.options.NoWait && v.wait == nextMinute {
		v = verdict{became: Todo, stop: answer}
	}
	if v.became != Unknown { // which the journal has already
		if err := r.job.journal.Became(places, v.became, v.why); err != nil {
			v = verdict{became: Unknown, stop: errors.Join(v.stop, err)}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.ready.Broadcast()
	r.underway--
	r.job.set(places, v.became, v.why)
	switch {
	case v.split:
		half := len(places) / 2
		r.work = append([][]int{places[:half], places[half:]}, r.work...)
	case v.became == Todo:
		r.work = append([][]int{places}, r.work...)
	case v.became == Refused:
		r.bad += (1 - r.bad) / window
	case v.became == Done:
		r.bad *= math.Pow(1-1.0/window, float64(len(places)))
	}
	r.slow(v)
	if v.stop != nil {
		r.stopLocked(v.stop)
	}
	if r.options.Progress != nil {
		r.options.Progress(r.job.counts)
	}
}

// slow has the job wait where it must, and ends it when trouble does not pass.
func (r *runner) slow(v verdict) {
	switch v.wait {
	case goOn:
		if v.stop == nil {
			r.troubles = 0
		}
	case nextMinute:
		now := time.Now() // waited for as so much time from now: a clock that is set back makes it no longer
		if till := now.Add(time.Minute + minuteMargin - now.Sub(now.Truncate(time.Minute))); till.After(r.waitTill) {
			r.waitTill = till
			r.notice("the server says too fast (45011): waiting for the next minute")
		}
	case trouble:
		if r.troubles++; r.troubles >= maxTroubles {
			r.stopLocked(fmt.Errorf("%d calls in a row have failed, the last with: %w", r.troubles, v.cause))
			return
		}
		pause := cmp.Or(r.options.Pause, firstPause) << (r.troubles - 1)
		if till := time.Now().Add(pause); till.After(r.waitTill) {
			r.waitTill = till
		}
		r.notice(fmt.Sprintf("a call failed (%v): waiting %v", v.cause, pause))
	}
}

func (r *runner) notice(text string) {
	if r.options.Notice != nil {
		r.options.Notice(text)
	}
}
