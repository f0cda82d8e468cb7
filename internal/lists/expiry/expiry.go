// Package expiry unblocks who is blocked to an end, when that has come.
//
// It promises that nobody is unblocked before the end, or whose entry was changed since:
// the store holds each expiry to that, at the instant of the change. So any number of
// nodes may work at the same ends, and a node that is killed leaves nothing undone but
// what the next one finds. While a node runs, and the store and the platform answer, an
// expiry is at most a second late.
package expiry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mpblock"
)

// Options are what a Worker works with.
type Options struct {
	// Due is that of the store.
	Due func(ctx context.Context, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error)

	// Account returns an account; Apply makes a change of its blacklist and dates it.
	Account func(context.Context, mpblock.AppID) (*mpblock.Account, error)
	Apply   func(context.Context, *mpblock.Account, mpblock.Batch) (mpblock.Change, error)

	// Clock is that of the ends; nil: the system's. One that is moved by somebody says
	// so by a method Moved.
	Clock mpblock.Clock

	// Report is told of what it will try again.
	Report func(error)
}

// How often it looks, and how much it does at a time.
const (
	lookEvery   = 500 * time.Millisecond // ends that are set meanwhile, by whatever node, are found then
	retryHere   = time.Second            // for an account that could not be changed
	retryThere  = 30 * time.Second       // likewise, whose list lies on a platform, or that is retired
	atOnce      = 10_000                 // ends that are read at a time
	accounts    = 32                     // whose changes wait for the disk together
	callsAtOnce = 100                    // OpenIDs that one change of a list on the platform has
)

// Worker unblocks whose end has come.
type Worker struct {
	Options
	slots chan struct{} // of accounts whose list lies here

	mu      sync.Mutex
	busy    map[mpblock.AppID]bool
	retry   map[mpblock.AppID]time.Time // who failed: not before, by the machine's clock
	done    chan struct{}               // takes one without waiting: an account is no more busy
	failing bool                        // the store does not answer, which was reported
}

// New returns a Worker that does nothing until it is run.
func New(o Options) *Worker {
	o.Clock = mpblock.ClockOr(o.Clock)
	return &Worker{
		Options: o, slots: make(chan struct{}, accounts), busy: map[mpblock.AppID]bool{},
		retry: map[mpblock.AppID]time.Time{}, done: make(chan struct{}, 1),
	}
}

// Run works until ctx ends, and returns once what was under way has ended.
func (w *Worker) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var moved <-chan struct{}
		if m, ok := w.Clock.(interface{ Moved() <-chan struct{} }); ok {
			moved = m.Moved() // before it looks at the time
		}
		wait, err := w.pass(ctx, &under)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !w.failing {
			w.Report(fmt.Errorf("look for ends that have come: %w", err))
		}
		w.failing = err != nil
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-moved:
		case <-w.done:
		}
	}
}

// pass begins to unblock those whose end has come, and returns when to look again. An
// account at which somebody is, or that failed of late, is passed over.
func (w *Worker) pass(ctx context.Context, under *sync.WaitGroup) (time.Duration, error) {
	now := w.Clock.Now()
	for after := (mpblock.DueEnd{}); ; {
		due, err := w.Due(ctx, after, now.Add(lookEvery), atOnce)
		if err != nil {
			return lookEvery, err
		}
		var order []mpblock.AppID
		of := map[mpblock.AppID][]mpblock.OpenID{}
		for _, d := range due {
			if d.Until.After(now) {
				w.begin(ctx, under, order, of)
				return d.Until.Sub(now), nil
			}
			if of[d.AppID] == nil {
				order = append(order, d.AppID)
			}
			of[d.AppID] = append(of[d.AppID], d.OpenID)
			after = d
		}
		w.begin(ctx, under, order, of)
		if len(due) < atOnce {
			return lookEvery, nil
		}
	}
}

// begin has accounts worked at. Of those whose list lies here it waits until there is
// room, and nobody waits for a platform.
func (w *Worker) begin(ctx context.Context, under *sync.WaitGroup, order []mpblock.AppID, of map[mpblock.AppID][]mpblock.OpenID) {
	for _, app := range order {
		if !w.take(app) {
			continue
		}
		account, err := w.Account(ctx, app)
		if err != nil || account.Retired { // it is being removed, or left as it is
			w.failed(app, retryThere, nil)
			continue
		}
		here := account.Upstream == ""
		if here {
			select {
			case w.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
		ids := of[app]
		under.Go(func() {
			err := w.expire(ctx, account, ids)
			if here {
				<-w.slots
			}
			switch {
			case err == nil || ctx.Err() != nil:
				w.left(app)
			case here:
				w.failed(app, retryHere, err)
			default:
				w.failed(app, retryThere, err)
			}
		})
	}
}

// take makes an account busy, if it may be worked at.
func (w *Worker) take(app mpblock.AppID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[app] || time.Now().Before(w.retry[app]) {
		return false
	}
	w.busy[app] = true
	return true
}

// left ends the work at an account; there may be more of it.
func (w *Worker) left(app mpblock.AppID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, app)
	delete(w.retry, app)
	select {
	case w.done <- struct{}{}:
	default:
	}
}

// failed ends the work at an account, which is not worked at for a while, and reports
// why the first time.
func (w *Worker) failed(app mpblock.AppID, pause time.Duration, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, app)
	if w.retry[app].IsZero() && why != nil {
		w.Report(fmt.Errorf("unblock whose end has come, account %s (tried again every %v): %w", app, pause, why))
	}
	w.retry[app] = time.Now().Add(pause)
}

// expire unblocks those of some OpenIDs whose end has come. One that the platform does not
// know does not hold up the others; it is tried again later.
func (w *Worker) expire(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID) (unknown error) {
	size := mpblock.MaxWrite
	if a.Upstream != "" {
		size = callsAtOnce
	}
	for len(ids) > 0 {
		batch := ids[:min(size, len(ids))]
		_, err := w.Apply(ctx, a, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: slices.Clone(batch), Actor: mpblock.ActorExpiry, Ended: true})
		var is *mpblock.UnknownError
		switch {
		case errors.As(err, &is):
			unknown = fmt.Errorf("%s: %w", batch[is.Index], err)
			ids = slices.Delete(ids, is.Index, is.Index+1)
		case err != nil:
			return err
		default:
			ids = ids[len(batch):]
		}
	}
	return unknown
}
