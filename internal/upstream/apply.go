package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/internal/upstream/budget"
)

// Apply makes a change of an account's list on the platform, 20 OpenIDs a call, and then
// here: it implements truth.Truth. Whole, it makes one call, and what the platform refuses
// is an error with its code, and a *client.Error inside. Otherwise the OpenIDs that the
// platform refuses are found, and are a *mpblock.RefusedError beside the change of the
// others. Where an answer is lost and the list cannot be read, the change is kept and
// settled later.
//
// A job lets others in between its calls, and then goes on: what it has done by then is a
// change of its own, and the one that is returned is the last. It waits for the next
// minute, and never for the next day.
//
// A batch with an ID is whole. That it was applied is written with the change here, so what
// was asked for before, and is settled, is answered without a call.
func (s *Service) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	if err := b.Validate(); err != nil {
		return mpblock.Change{}, err
	}
	if b.Action == mpblock.Amend { // reasons and ends are kept here alone
		return s.amend(ctx, a.AppID, b)
	}
	whole = whole || b.ID.Named() // what happens in several calls has no single outcome
	r := &round{s: s, a: a, b: b, whole: whole, job: strings.HasPrefix(b.Actor, "job:") || b.Actor == mpblock.ActorExpiry}
	ids := mpblock.Distinct(b.OpenIDs)
	for {
		left, err := r.run(ctx, ids)
		switch {
		case errors.Is(err, errYield):
		case r.job && !r.kept && (errors.Is(err, errMinute) || errors.Is(err, client.ErrTooFast)):
			if err := s.nextMinute(ctx); err != nil {
				return r.change, err
			}
		case err != nil:
			return r.change, err
		case len(r.refused) > 0:
			return r.change, &mpblock.RefusedError{Refused: r.refused}
		default:
			return r.change, nil
		}
		ids = left
	}
}

// round is one change on its way, in as many rounds as others come in between.
type round struct {
	s       *Service
	a       *mpblock.Account
	b       mpblock.Batch
	whole   bool
	job     bool
	change  mpblock.Change // the last that was made
	refused []mpblock.Refused
	kept    bool // what became of a part is not known, and not in the log
}

// run sends what is left of the change, until it is done or something is in the way.
func (r *round) run(ctx context.Context, ids []mpblock.OpenID) (left []mpblock.OpenID, err error) {
	h, err := r.s.hold(ctx, r.a.AppID, asker{urgent: !r.job})
	if err != nil {
		return ids, err
	}
	defer h.release(ctx)
	if before, err := mpblock.Asked(ctx, r.s.store, r.a.AppID, r.b); before || err != nil {
		if err == nil {
			r.change, err = h.apply(ctx, r.b)
		}
		return nil, err
	}
	if ids, err = r.s.wanted(ctx, r.a.AppID, r.b, ids); err != nil || len(ids) == 0 {
		return ids, err
	}
	if r.whole && len(ids) > perCall {
		return ids, errWhole.With(len(ids), perCall)
	}
	j, err := h.begin(ctx, r.b, ids, r.job)
	if err != nil {
		return ids, err
	}
	job := bulk.New(j.items, j)
	work, cancel := h.lease.Context(ctx)
	stopped := job.Run(work, j, bulk.Options{Whole: r.whole, NoWait: true, Pause: r.s.pause})
	cancel()
	h.learn(j.in.Action, stopped)
	change, err := j.finish(ctx, job)
	r.kept = err != nil
	if change.Seq != 0 {
		r.change = change
	}
	for at, it := range j.items {
		switch it.Status {
		case bulk.Refused:
			r.refused = append(r.refused, mpblock.Refused{OpenID: ids[at], Code: it.Code})
		case bulk.Todo:
			left = append(left, ids[at])
		case bulk.Done, bulk.Already, bulk.Unknown:
		}
	}
	var unknown *client.UnknownOutcomeError
	switch {
	case err != nil:
		return left, err
	case len(left) == 0:
		return nil, nil // whatever was in the way, it has happened
	case errors.As(stopped, &unknown):
		return left, errDown.With(unknown.Error()).Because(stopped) // it was read that it has not
	}
	return left, explain(stopped)
}

// Finish settles what is under way of an account: it implements truth.Truth.
func (s *Service) Finish(ctx context.Context, a *mpblock.Account) error {
	h, err := s.hold(ctx, a.AppID, asker{})
	if err != nil {
		return err
	}
	h.release(ctx)
	return nil
}

// amend changes reasons or ends, in its turn: so it comes after a change that is under way.
func (s *Service) amend(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	h, err := s.hold(ctx, app, asker{urgent: true})
	if err != nil {
		return mpblock.Change{}, err
	}
	defer h.release(ctx)
	return h.apply(ctx, b)
}

// wanted returns those OpenIDs that are to be changed: those whose last change is the one
// that the batch asks for. Of an undo, that is taken back, and the entry would not have
// ended since; of an expiry they are those whose end has come.
func (s *Service) wanted(ctx context.Context, app mpblock.AppID, b mpblock.Batch, ids []mpblock.OpenID) ([]mpblock.OpenID, error) {
	if b.Only(0) && !b.Ended {
		return slices.Clone(ids), nil
	}
	states, err := s.store.States(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	var still []mpblock.OpenID
	for i, id := range ids {
		end := states[i].Until
		if b.Undoes != 0 && b.Action == mpblock.Block && states[i].Seq == b.Undoes {
			if end, err = s.formerEnd(ctx, app, id); err != nil {
				return nil, err
			}
		}
		switch {
		case !b.Only(states[i].Seq):
		case b.Ended && (end.IsZero() || end.After(b.Time)):
		case b.Action == mpblock.Block && !end.IsZero() && !end.After(b.Time):
		default:
			still = append(still, id)
		}
	}
	return still, nil
}

// formerEnd returns when the entry of an OpenID would end that an undo gives back.
func (s *Service) formerEnd(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (time.Time, error) {
	history, err := s.store.ChangesOf(ctx, app, id, 0, math.MaxInt32)
	return mpblock.BelongedTo(history).Until, err
}

// may tells whether the budget allows n calls, by a job or by somebody who waits.
func (h *hold) may(ctx context.Context, c budget.Call, n int, job bool) error {
	now, used := h.s.clock.Now(), h.lease.Value().Used
	if c == budget.List {
		reads, err := h.s.reads(ctx, h.app)
		if err != nil {
			return err
		}
		used = used.Plus(reads, now)
	}
	return verdict(h.s.limits(h.line, c).Judge(used, c, n, job, now), now)
}

// limits returns those of a call.
func (s *Service) limits(l *line, c budget.Call) budget.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.limits.Or(l.told, c)
}

// verdict returns what the budget says as an error.
func verdict(v budget.Verdict, now time.Time) error {
	switch v {
	case budget.Tomorrow:
		return errDay.With(clockTime(budget.NextDay(now)))
	case budget.Minute:
		return errMinute
	case budget.Go:
	}
	return nil
}

// learn keeps what the platform says of its own limits.
func (h *hold) learn(a mpblock.Action, err error) {
	c := callOf(a)
	day, minute := errors.Is(err, client.ErrDailyQuota), errors.Is(err, client.ErrTooFast)
	used := h.lease.Value().Used
	if day == used.DayOver[c] && minute == used.MinuteOver[c] || err != nil && !day && !minute {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	if err := h.write(ctx, budget.Calls{}, func(w *work) { w.Used.DayOver[c], w.Used.MinuteOver[c] = day, minute }); err != nil {
		h.s.log.Warn("what the platform says of its limits was not written down", "appid", h.app, "error", err)
	}
}

// nextMinute waits until the platform's next minute.
func (s *Service) nextMinute(ctx context.Context) error {
	for next := budget.NextMinute(s.clock.Now()); ; {
		left := next.Sub(s.clock.Now())
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Second, left)): // the clock may be set forward
		}
	}
}

// explain turns an error of the client, or of a run, into one of ours.
func explain(err error) error {
	var own *mpblock.Error
	var refused *client.Error
	var unknown *client.UnknownOutcomeError
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, errYield):
		return err
	case errors.As(err, &refused):
		return errRefused.With(refused.Code, refused.Message).Because(err)
	case errors.As(err, &unknown):
		return errLost.Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the platform: %w", err)
	}
	return errDown.With(err.Error()).Because(err)
}
