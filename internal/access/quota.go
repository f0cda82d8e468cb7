package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// Quotas count calls per day and per minute, of the platform's clock, over all
// nodes. A node does not write each call: it reserves a share of what is left in
// a record that all nodes see, and spends it in memory. So a limit is never
// exceeded, and what a killed node had reserved is lost to the account until the
// window ends: at most a twentieth of what was left, and at most maxShare calls.
const (
	shareOfRest = 20
	maxShare    = 1000
)

// window is a stretch of time in which calls are counted.
type window struct {
	name string // names it among the account's and the call's
	end  time.Time
}

func minuteWindow(now time.Time) window {
	start := now.Truncate(time.Minute)
	return window{name: "m" + start.In(mpblock.Zone).Format("200601021504"), end: start.Add(time.Minute)}
}

func dayWindow(now time.Time) window {
	y, m, d := now.In(mpblock.Zone).Date()
	return window{name: "d" + mpblock.Day(now), end: time.Date(y, m, d+1, 0, 0, 0, 0, mpblock.Zone)}
}

// quotas are the shares of this node.
type quotas struct {
	shares sync.Map // shareKey → *share
	clock  mpblock.Clock
}

func (q *quotas) now() time.Time { return mpblock.ClockOr(q.clock).Now() }

type shareKey struct {
	app  mpblock.AppID
	call mpblock.Call
	kind byte // 'd' or 'm', as in the names of windows
}

// share is what this node has reserved of one window. Its lock is a channel, so
// that a caller whose time is up stops waiting for one that reads the store.
type share struct {
	lock   chan struct{}
	window window
	limit  int // that was in force when left was reserved
	left   int
}

// kindQuota is the kind of those records; their keys are AppID, call and window.
const kindQuota = record.Kind[quotaRecord]("quota")

// quotaRecord is how much of a window's limit the nodes have reserved.
type quotaRecord struct {
	Used int `json:"used"`
}

func (q *quotas) share(k shareKey) *share {
	s, ok := q.shares.Load(k)
	if !ok {
		s, _ = q.shares.LoadOrStore(k, &share{lock: make(chan struct{}, 1)})
	}
	return s.(*share) //nolint:forcetypeassert // the map holds nothing else
}

// spend counts a call against the account's limits. The minute comes first, so
// that a caller who is slowed down does not use up the day.
func (svc *Service) spend(ctx context.Context, a *mpblock.Account, call mpblock.Call) error {
	now := svc.clock.Now()
	if limit, ok := a.PerMinute[call]; ok {
		w := minuteWindow(now)
		if took, err := svc.quotas.take(ctx, svc.store, a.AppID, call, w, limit); err != nil {
			return err
		} else if !took {
			return errMinuteRate.With(a.AppID, call, limit, secondsUp(w.end.Sub(now)))
		}
	}
	if limit, ok := a.Daily[call]; ok {
		w := dayWindow(now)
		if took, err := svc.quotas.take(ctx, svc.store, a.AppID, call, w, limit); err != nil {
			return err
		} else if !took {
			return errDailyQuota.With(a.AppID, call, limit, w.end.Format(time.RFC3339))
		}
	}
	return nil
}

func secondsUp(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// take spends one call of a window, and tells whether there was one left.
func (q *quotas) take(ctx context.Context, store mpblock.Records, app mpblock.AppID, call mpblock.Call, w window, limit int) (bool, error) {
	s := q.share(shareKey{app, call, w.name[0]})
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if w.end.Before(s.window.end) && !q.now().Before(w.end) {
		w = s.window // the caller's has ended while it waited; what is left of this one stays
	}
	if s.window.name != w.name {
		s.window, s.left = w, 0
	}
	if s.limit != limit {
		if err := s.giveBack(ctx, store, quotaKey(app, call, w)); err != nil {
			return false, err
		}
		s.limit = limit
	}
	if s.left == 0 {
		n, err := reserve(ctx, store, quotaKey(app, call, w), w, limit)
		if err != nil || n == 0 {
			return false, err
		}
		s.left = n
	}
	s.left--
	return true, nil
}

func quotaKey(app mpblock.AppID, call mpblock.Call, w window) string {
	return fmt.Sprintf("%s/%s/%s", app, call, w.name)
}

// reserve takes a share of what is left of a window, 0 if nothing is.
func reserve(ctx context.Context, store mpblock.Records, key string, w window, limit int) (int, error) {
	got := 0
	err := changeUsed(ctx, store, key, w, func(used int) int {
		got = max(limit-used, 0)
		if got > 0 {
			got = min(max(got/shareOfRest, 1), maxShare)
		}
		return used + got
	})
	return got, err
}

// changeUsed changes how much of a window is reserved.
func changeUsed(ctx context.Context, store mpblock.Records, key string, w window, change func(used int) int) error {
	_, err := kindQuota.Edit(ctx, store, key, func(e *record.Entry[quotaRecord]) error {
		used := change(e.Value.Used)
		if used == e.Value.Used {
			return record.ErrKeep
		}
		e.Value.Used = used
		e.Expires = w.end.Add(time.Hour) // past it by more than the clocks of two nodes differ
		return nil
	})
	return err
}

// giveBack returns what this node has reserved and not spent.
func (q *quotas) giveBack(ctx context.Context, store mpblock.Records) error {
	var errs []error
	for key, value := range q.shares.Range {
		k, s := key.(shareKey), value.(*share) //nolint:forcetypeassert // the map holds nothing else
		select {
		case s.lock <- struct{}{}: // never released: nobody spends from it any more
			q.shares.Delete(k)
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		}
		if q.now().Before(s.window.end) {
			errs = append(errs, s.giveBack(ctx, store, quotaKey(k.app, k.call, s.window)))
		}
	}
	return errors.Join(errs...)
}

// giveBack returns what of one share is not spent. The caller holds its lock. What
// may have been returned, though the store tells of an error, is lost rather than
// returned twice.
func (s *share) giveBack(ctx context.Context, store mpblock.Records, key string) error {
	if s.left == 0 {
		return nil
	}
	left := s.left
	s.left = 0
	return changeUsed(ctx, store, key, s.window, func(used int) int { return max(used-left, 0) })
}
