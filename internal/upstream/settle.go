package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpblock"
	"mpblock/internal/bulk"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doubt"
)

var (
	errAgain = mpblock.NewError(mpblock.Unavailable, "upstream.lost.again", "the platform's answer was lost, and its list could not be read to find out what became of it: it is read again at %s; what was asked for is kept, and settled then")
	errSpent = mpblock.NewError(mpblock.Limited, "upstream.lost.spent", "the platform's answer was lost, and the calls are used up that it takes to read what became of it: its list is read after %s; what was asked for is kept, and settled then")
)

// again is when the list is read again to settle an intent. It lies beside that, so what one
// has found out in vain holds for all who wait, on every node.
type again struct {
	At    time.Time `json:"at"`              // not before
	Since time.Time `json:"since"`           // when that has failed first
	Tries int       `json:"tries,omitempty"` // that have failed
	Spent time.Time `json:"spent,omitzero"`  // until then there are no calls for it
	Short *[2]int   `json:"short,omitempty"` // the list was shorter than its total: the Args of errShort
	Fewer *[2]int   `json:"fewer,omitempty"` // than here: the Args of errShrunk
}

// How long the list is not read again: twice as long each time.
const (
	againFirst = 2 * time.Second
	againMost  = 5 * time.Minute
)

// after returns when to try again after another failure.
func (a *again) after(now time.Time, why error) *again {
	next := &again{Tries: 1, Since: now.UTC()}
	if a != nil {
		next.Tries += a.Tries
		next.Since = a.Since
	}
	next.At = now.Add(min(againFirst<<min(next.Tries-1, 10), againMost)).UTC()
	if own := (*mpblock.Error)(nil); errors.As(why, &own) && len(own.Args) == 2 {
		n, _ := own.Args[0].(int)
		want, _ := own.Args[1].(int)
		switch {
		case errors.Is(own, errShort):
			next.Short = &[2]int{n, want}
		case errors.Is(own, errShrunk):
			next.Fewer = &[2]int{n, want}
		}
	}
	return next
}

// spent returns when to try again where there are no calls for it until a time.
func (a *again) spent(now, until time.Time) *again {
	next := &again{Since: now.UTC(), Spent: until.UTC(), At: now.Add(min(until.Sub(now), againMost)).UTC()} // somebody may raise the limit
	if a != nil {
		next.Tries, next.Since = a.Tries, a.Since
	}
	return next
}

// due tells whether the list may be read again. It may where the clock was set back.
func (a *again) due(now time.Time) bool {
	if a == nil {
		return true
	}
	left := a.At.Sub(now)
	return left <= 0 || left > againMost
}

// err is what those hear who ask before that.
func (a *again) err() error {
	switch {
	case !a.Spent.IsZero():
		return errSpent.With(clockTime(a.Spent))
	case a.Short != nil:
		return errShort.With(a.Short[0], a.Short[1])
	case a.Fewer != nil:
		return errShrunk.With(a.Fewer[0], a.Fewer[1])
	}
	return errAgain.With(a.At.In(mpblock.Zone).Format("15:04:05 MST"))
}

// ascertain reads the list to find out what is not known of the change under way: within the
// budget, and where that has failed not before its time, unless somebody has the list read
// anyway. What has failed is not tried again under the same hold.
func (h *hold) ascertain(ctx context.Context) (listed, error) {
	if h.unread != nil {
		return listed{}, h.unread
	}
	now, was := h.s.clock.Now(), h.again()
	throttled := !h.reads && !was.due(now)
	if throttled && (was.Spent.IsZero() || !h.urgent) { // to people more calls are left
		return listed{}, was.err()
	}
	if !h.sure {
		if until, err := h.mayRead(ctx, now); err != nil {
			return listed{}, err
		} else if !until.IsZero() {
			h.unread = errSpent.With(clockTime(until))
			if !throttled {
				h.wait(ctx, was.spent(now, until))
			}
			return listed{}, h.unread
		}
	}
	l, err := h.readWhole(ctx)
	if err != nil && ctx.Err() == nil { // neither the lease nor who waits has gone
		h.unread = err
		h.wait(ctx, was.after(h.s.clock.Now(), err))
	}
	return l, err
}

// readWhole reads the list, if it can be believed.
func (h *hold) readWhole(ctx context.Context) (listed, error) {
	l, err := read(ctx, h.to)
	if err != nil || h.sure {
		return l, err
	}
	if err := l.short(0); err != nil { // whoever is missing would be taken for unblocked
		return l, err
	}
	// What is asked about may be gone; most of the others may not.
	if most := h.here - h.asked(); doubt.Gone(most, most-len(l.ids)) || most > 0 && len(l.ids) == 0 {
		return l, errShrunk.With(len(l.ids), h.here)
	}
	return l, nil
}

// again returns when the list is to be read again; nil: nothing is in the way.
func (h *hold) again() *again {
	if in := h.lease.Value().Intent; in != nil {
		return in.Again
	}
	return nil
}

// mayRead returns until when there are no calls to read the list; zero: there are.
func (h *hold) mayRead(ctx context.Context, now time.Time) (until time.Time, err error) {
	switch err := h.may(ctx, budget.List, h.pages(), !h.urgent); {
	case errors.Is(err, errDay):
		return budget.NextDay(now), nil
	case errors.Is(err, errMinute):
		return budget.NextMinute(now), nil
	default:
		return time.Time{}, err
	}
}

// wait notes that what is not known has to wait, for all who come before its time.
func (h *hold) wait(ctx context.Context, a *again) {
	err := h.write(ctx, budget.Calls{}, func(w *work) {
		if w.Intent != nil {
			in := *w.Intent
			in.Again, w.Intent = a, &in
		}
	})
	if err != nil {
		h.s.log.Warn("when to read the platform's list again was not written down: whoever comes next reads it", "appid", h.app, "error", err)
	}
}

// kept returns the error of a change whose outcome is not known.
func kept(err error) error {
	own := (*mpblock.Error)(nil)
	if errors.As(err, &own) && (errors.Is(own, errLost) || errors.Is(own, errShort) || errors.Is(own, errShrunk)) {
		return own // who has to decide, or when it is read again
	}
	return errLost.Because(err)
}

// clockTime is a time of the platform's day.
func clockTime(t time.Time) string { return t.In(mpblock.Zone).Format("15:04 MST") }

// settle ends an intent that a process has left, or whose answer was lost. Nothing else is
// told to the platform of that account before.
func (h *hold) settle(ctx context.Context) error {
	in := h.lease.Value().Intent
	if in == nil {
		return nil
	}
	j, err := h.resume(ctx, *in)
	if err != nil {
		return err
	}
	change, err := j.finish(ctx, bulk.New(j.items, j))
	if err != nil {
		return fmt.Errorf("settle a change that was under way: %w", err)
	}
	h.s.log.Info("a change on the platform was under way and is settled", "appid", h.app, "actor", in.Actor, "asked", in.Count, "happened", len(change.OpenIDs))
	return nil
}

// finish takes over here what the platform has acknowledged, after what is not known has
// been read, and removes the intent. Who waited may be gone: what happened is written down.
//
// Where a process was killed between the change and the end of the intent, the change is in
// the log already, and a second one has no effect: an intent is settled before anything
// else changes the list.
func (j *journal) finish(ctx context.Context, job *bulk.Job) (mpblock.Change, error) {
	ctx, cancel := j.lease.Context(context.WithoutCancel(ctx))
	defer cancel()
	if err := job.Settle(ctx, j); err != nil {
		return mpblock.Change{}, kept(err)
	}
	b := mpblock.Batch{Action: j.in.Action, Actor: j.in.Actor, Reason: j.in.Reason, Undoes: j.in.Undoes, Until: mpblock.EndAt(j.in.Until), Time: j.s.clock.Now()}
	if b.Undoes != 0 && b.Action == mpblock.Block {
		b.Time = j.in.Since // an end may have come since: the entry is given back all the same, and expiry unblocks there
	}
	for _, it := range j.items {
		if it.Status == bulk.Done {
			id, err := mpblock.ParseOpenID(string(it.OpenID))
			if err != nil {
				return mpblock.Change{}, err
			}
			b.OpenIDs = append(b.OpenIDs, id)
		}
	}
	var change mpblock.Change
	if b.ID = j.in.request(len(b.OpenIDs)); len(b.OpenIDs) > 0 {
		var err error
		if change, err = j.apply(ctx, b); err != nil {
			return mpblock.Change{}, err
		}
	}
	if j.lease.Value().Intent != nil {
		if err := j.write(ctx, budget.Calls{}, func(w *work) {
			w.Intent = nil
			w.idle(mpblock.Without(b.OpenIDs, change.OpenIDs))
		}); err != nil {
			return change, err
		}
	}
	if j.in.List != "" {
		return change, kindIntent.Erase(ctx, j.s.store, j.in.List)
	}
	return change, nil
}
