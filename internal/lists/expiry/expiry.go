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
	"maps"
	"slices"
	"sync"
	"time"

	"mpblock"
)

// Options are what a Worker works with.
type Options struct {
	// Due is that of the store.
	Due func(ctx context.Context, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error)

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
	retryOne    = 24 * time.Hour         // for an end that the platform has refused to bring about
	atOnce      = 10_000                 // ends that are read at a time
	accounts    = 32                     // whose changes wait for the disk together
	callsAtOnce = 100                    // OpenIDs that one change of a list on the platform has
	maxRefused  = 100_000                // refused ends that are remembered; more, and all are tried again
)

// Worker unblocks whose end has come.
type Worker struct {
	Options
	slots   chan struct{} // of accounts whose list lies here
	started time.Time
	done    chan struct{} // takes one without waiting: an account was changed, and is no more busy
	failing bool          // the store does not answer, which was reported

	mu      sync.Mutex
	busy    map[mpblock.AppID]bool
	retry   map[mpblock.AppID]time.Time // who failed: not before, by the machine's clock
	refused map[mpblock.DueEnd]time.Time

	place  mpblock.DueEnd                   // the ends up to here are read again at anew, or for an account in passed
	passed map[mpblock.AppID]mpblock.DueEnd // whose ends lie in front of the place, but behind this one
	anew   time.Time
}

// New returns a Worker that does nothing until it is run.
func New(o Options) *Worker {
	o.Clock = mpblock.ClockOr(o.Clock)
	return &Worker{
		Options: o, slots: make(chan struct{}, accounts), started: time.Now(), done: make(chan struct{}, 1),
		busy: map[mpblock.AppID]bool{}, retry: map[mpblock.AppID]time.Time{},
		refused: map[mpblock.DueEnd]time.Time{}, passed: map[mpblock.AppID]mpblock.DueEnd{},
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
// account at which somebody is, or that failed of late, is passed over; full pages of ends
// are not read again before there is a reason.
func (w *Worker) pass(ctx context.Context, under *sync.WaitGroup) (time.Duration, error) {
	now := w.Clock.Now()
	for after := w.from(now); ; {
		due, err := w.Due(ctx, "", after, now.Add(lookEvery), atOnce)
		if err != nil {
			return lookEvery, err
		}
		come := due
		if n := slices.IndexFunc(due, func(d mpblock.DueEnd) bool { return d.Until.After(now) }); n >= 0 {
			come = due[:n]
		}
		full := len(come) == atOnce
		order, of := w.sort(come, after, full)
		w.begin(ctx, under, order, of)
		switch {
		case full:
			after = come[len(come)-1]
		case len(come) < len(due):
			return due[len(come)].Until.Sub(now), nil
		default:
			return lookEvery, nil
		}
	}
}

// from returns the end behind which a pass begins: that up to which all were passed over,
// or one in front of an account that need not be passed over any more.
func (w *Worker) from(now time.Time) mpblock.DueEnd {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !time.Now().Before(w.anew) || w.place.Until.After(now) { // or the clock was set back
		w.place, w.anew = mpblock.DueEnd{}, w.next(retryThere)
		clear(w.passed)
		maps.DeleteFunc(w.refused, func(_ mpblock.DueEnd, until time.Time) bool { return !time.Now().Before(until) })
	}
	for app, behind := range w.passed {
		if !w.free(app) {
			continue
		}
		if delete(w.passed, app); behind.Compare(w.place) < 0 {
			w.place = behind
		}
	}
	return w.place
}

// sort returns ends by account, in the order in which they come, without those that were
// refused. A full page is not read again before one of its accounts is free.
func (w *Worker) sort(due []mpblock.DueEnd, after mpblock.DueEnd, full bool) (order []mpblock.AppID, of map[mpblock.AppID][]mpblock.DueEnd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of = map[mpblock.AppID][]mpblock.DueEnd{}
	for _, d := range due {
		if _, is := w.refused[d]; is {
			continue
		}
		if of[d.AppID] == nil {
			order = append(order, d.AppID)
		}
		of[d.AppID] = append(of[d.AppID], d)
	}
	if full {
		w.place = due[len(due)-1]
		for _, app := range order {
			if behind, is := w.passed[app]; !is || after.Compare(behind) < 0 {
				w.passed[app] = after
			}
		}
	}
	return order, of
}

// begin has accounts worked at. Of those whose list lies here it waits until there is
// room, and nobody waits for a platform.
func (w *Worker) begin(ctx context.Context, under *sync.WaitGroup, order []mpblock.AppID, of map[mpblock.AppID][]mpblock.DueEnd) {
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
		due := of[app]
		under.Go(func() {
			changed, err := w.expire(ctx, account, due)
			if here {
				<-w.slots
			}
			switch {
			case err == nil || ctx.Err() != nil:
				w.left(app, changed)
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
	if !w.free(app) {
		return false
	}
	w.busy[app] = true
	return true
}

// free tells whether an account may be worked at.
func (w *Worker) free(app mpblock.AppID) bool {
	return !w.busy[app] && !time.Now().Before(w.retry[app])
}

// next returns the time of the next try of all that wait so long: they are tried together,
// so that ends which lie behind each other are read once.
func (w *Worker) next(pause time.Duration) time.Time {
	return time.Now().Add(pause - time.Since(w.started)%pause)
}

// left ends the work at an account. If it was changed, there may be more of it at once.
func (w *Worker) left(app mpblock.AppID, changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, app)
	delete(w.retry, app)
	if !changed {
		return
	}
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
	w.retry[app] = w.next(pause)
}

// expire unblocks those whose end has come, and tells whether it has changed anything. Who
// the platform refuses to unblock does not hold up the others, and is left out for a day.
func (w *Worker) expire(ctx context.Context, a *mpblock.Account, due []mpblock.DueEnd) (changed bool, err error) {
	size := mpblock.MaxWrite
	if a.Upstream != "" {
		size = callsAtOnce
	}
	var refused []mpblock.Refused
	defer func() { w.refuse(a.AppID, due, refused) }()
	for batch := range slices.Chunk(due, size) {
		ids := make([]mpblock.OpenID, len(batch))
		for i, d := range batch {
			ids[i] = d.OpenID
		}
		change, err := w.Apply(ctx, a, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids, Actor: mpblock.ActorExpiry, Ended: true})
		changed = changed || change.Seq != 0
		var some *mpblock.RefusedError
		switch {
		case errors.As(err, &some):
			refused = append(refused, some.Refused...)
		case err != nil:
			return changed, err
		}
	}
	return changed, nil
}

// refuse leaves out ends that the platform has refused to bring about, and reports them.
func (w *Worker) refuse(app mpblock.AppID, due []mpblock.DueEnd, refused []mpblock.Refused) {
	if len(refused) == 0 {
		return
	}
	is := make(map[mpblock.OpenID]bool, len(refused))
	for _, r := range refused {
		is[r.OpenID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range due {
		if !is[d.OpenID] {
			continue
		}
		if len(w.refused) >= maxRefused {
			clear(w.refused)
		}
		w.refused[d] = time.Now().Add(retryOne)
	}
	w.Report(fmt.Errorf("unblock whose end has come, account %s: %d stay blocked, the first is %s (tried again in %v; or unblock them by hand): %w",
		app, len(refused), refused[0].OpenID, retryOne, &mpblock.RefusedError{Refused: refused}))
}
