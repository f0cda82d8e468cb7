// Package quota counts calls per day and per minute, of the platform's clock, over all
// nodes.
//
// It promises that no limit is ever exceeded. A node does not write each call: it reserves
// a share of what is left in a record that all nodes see, and spends it in memory. So
// what a killed node had reserved is lost to the account until the window ends: at most a
// twentieth of what was left, and at most maxShare calls. What the limits are, and what
// becomes of a call that is over one, it leaves to others.
package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

const (
	shareOfRest = 20
	maxShare    = 1000
)

// Window is a stretch of time in which calls are counted.
type Window struct {
	name string // names it among the account's and the call's
	End  time.Time
}

// Minute returns the minute that a time is in.
func Minute(now time.Time) Window {
	start := now.Truncate(time.Minute)
	return Window{name: "m" + start.In(mpblock.Zone).Format("200601021504"), End: start.Add(time.Minute)}
}

// Day returns the day that a time is in.
func Day(now time.Time) Window {
	y, m, d := now.In(mpblock.Zone).Date()
	return Window{name: "d" + mpblock.Day(now), End: time.Date(y, m, d+1, 0, 0, 0, 0, mpblock.Zone)}
}

// Counter has the shares of this node. Its methods are safe for concurrent use.
type Counter struct {
	store  mpblock.Records
	clock  mpblock.Clock
	shares sync.Map // shareKey → *share
}

// New returns the counter of a store, by a clock.
func New(store mpblock.Records, clock mpblock.Clock) *Counter {
	return &Counter{store: store, clock: clock}
}

type shareKey struct {
	app  mpblock.AppID
	call mpblock.Call
	kind byte // 'd' or 'm', as in the names of windows
}

// share is what this node has reserved of one window. Its lock is a channel, so
// that a caller whose time is up stops waiting for one that reads the store.
type share struct {
	lock   chan struct{}
	window Window
	limit  int // that was in force when left was reserved
	left   int
	clears int // of the record from which left was reserved
}

func (s *share) acquire(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *share) release() { <-s.lock }

// kind are the records of what is reserved; their keys are AppID, call and window.
const kind = record.Kind[reserved]("quota")

// reserved is how much of a window's limit the nodes have reserved since it was last
// cleared. What they reserved before is not theirs to give back.
type reserved struct {
	Used   int `json:"used"`
	Clears int `json:"clears,omitempty"`
}

func (q *Counter) share(k shareKey) *share {
	s, ok := q.shares.Load(k)
	if !ok {
		s, _ = q.shares.LoadOrStore(k, &share{lock: make(chan struct{}, 1)})
	}
	return s.(*share) //nolint:forcetypeassert // the map holds nothing else
}

// Take spends one call of a window, and tells whether there was one left.
func (q *Counter) Take(ctx context.Context, app mpblock.AppID, call mpblock.Call, w Window, limit int) (bool, error) {
	s := q.share(shareKey{app, call, w.name[0]})
	if err := s.acquire(ctx); err != nil {
		return false, err
	}
	defer s.release()
	if w.End.Before(s.window.End) && !q.clock.Now().Before(w.End) {
		w = s.window // the caller's has ended while it waited; what is left of this one stays
	}
	if s.window.name != w.name {
		s.window, s.left = w, 0
	}
	if s.limit != limit {
		if err := s.giveBack(ctx, q.store, keyOf(app, call, w)); err != nil {
			return false, err
		}
		s.limit = limit
	}
	if s.left == 0 {
		n, clears, err := reserve(ctx, q.store, keyOf(app, call, w), w, limit)
		if err != nil || n == 0 {
			return false, err
		}
		s.left, s.clears = n, clears
	}
	s.left--
	return true, nil
}

// Erase removes what all nodes have counted of an account. Shares that they hold stay
// until their windows end.
func (q *Counter) Erase(ctx context.Context, app mpblock.AppID) error {
	return record.EraseUnder(ctx, q.store, string(app)+"/", string(kind))
}

func keyOf(app mpblock.AppID, call mpblock.Call, w Window) string {
	return fmt.Sprintf("%s/%s/%s", app, call, w.name)
}

// reserve takes a share of what is left of a window, 0 if nothing is, and returns how
// often the window was cleared before.
func reserve(ctx context.Context, store mpblock.Records, key string, w Window, limit int) (got, clears int, err error) {
	err = edit(ctx, store, key, w, func(r *reserved) {
		got, clears = max(limit-r.Used, 0), r.Clears
		if got > 0 {
			got = min(max(got/shareOfRest, 1), maxShare)
		}
		r.Used += got
	})
	return got, clears, err
}

// edit changes how much of a window is reserved.
func edit(ctx context.Context, store mpblock.Records, key string, w Window, change func(*reserved)) error {
	_, err := kind.Edit(ctx, store, key, func(e *record.Entry[reserved]) error {
		was := e.Value
		if change(&e.Value); e.Value == was {
			return record.ErrKeep
		}
		e.Expires = w.End.Add(time.Hour) // past it by more than the clocks of two nodes differ
		return nil
	})
	return err
}

// GiveBack returns what this node has reserved and not spent. The counter is not to be
// used after it.
func (q *Counter) GiveBack(ctx context.Context) error {
	var errs []error
	for key, value := range q.shares.Range {
		k, s := key.(shareKey), value.(*share) //nolint:forcetypeassert // the map holds nothing else
		if err := s.acquire(ctx); err != nil { // never released: nobody spends from it any more
			return errors.Join(append(errs, err)...)
		}
		q.shares.Delete(k)
		if q.clock.Now().Before(s.window.End) {
			errs = append(errs, s.giveBack(ctx, q.store, keyOf(k.app, k.call, s.window)))
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
	return edit(ctx, store, key, s.window, func(r *reserved) {
		if r.Clears == s.clears {
			r.Used = max(r.Used-left, 0)
		}
	})
}

// Used returns how much of a window is spent. What another node has reserved counts as
// spent.
func (q *Counter) Used(ctx context.Context, app mpblock.AppID, call mpblock.Call, w Window) (int, error) {
	s := q.share(shareKey{app, call, w.name[0]})
	if err := s.acquire(ctx); err != nil {
		return 0, err
	}
	defer s.release()
	e, err := kind.Get(ctx, q.store, keyOf(app, call, w))
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return 0, err
	}
	used := e.Value.Used
	if s.window.name == w.name && s.clears == e.Value.Clears {
		used -= s.left
	}
	return max(used, 0), nil
}

// Clear has a window begin anew. What another node has reserved, it may still spend.
func (q *Counter) Clear(ctx context.Context, app mpblock.AppID, call mpblock.Call, w Window) error {
	s := q.share(shareKey{app, call, w.name[0]})
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	s.left = 0
	return edit(ctx, q.store, keyOf(app, call, w), w, func(r *reserved) { *r = reserved{Clears: r.Clears + 1} })
}
