package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/lease"
)

// Times of those who send, by the machine.
const (
	lookEvery = 5 * time.Second // for webhooks that another node was asked to make or to end
	lastTime  = 5 * time.Second // for writing down how far it came, at the end
)

// places are how far the webhooks of an account are, by their IDs. They lie in the lease of
// who sends.
type places struct {
	Hooks map[string]place `json:"hooks,omitempty"`
}

// place is how far a webhook is.
type place struct {
	feed.Place     // behind what it was told of
	Turn       int `json:"turn,omitempty"`
	Part       int `json:"part,omitempty"` // up to which it was told of the next change of the list

	Attempts int       `json:"attempts,omitempty"` // to send the message behind that
	Since    time.Time `json:"since,omitzero"`     // when the first was
	Next     time.Time `json:"next,omitzero"`      // when the next is to be
}

func (p places) of(h Hook) place {
	at, ok := p.Hooks[h.ID]
	if ok && at.Turn == h.Turn {
		return at
	}
	begin := place{Place: h.From, Turn: h.Turn}
	if ok { // of who is protected it is told once
		begin.Protection = at.Protection
	}
	return begin
}

// Run sends until ctx ends, and returns once what was under way has ended. It is to run on
// every node, once. Report is told of errors that it will try to overcome by itself.
func (s *Service) Run(ctx context.Context, report func(error)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	busy := map[mpblock.AppID]bool{}
	for ctx.Err() == nil {
		told := s.told()
		for e, err := range kindHooks.Under(ctx, s.store, "", 100) {
			app := mpblock.AppID(e.Key)
			mu.Lock()
			idle := !busy[app]
			mu.Unlock()
			var l *lease.Lease[places]
			if err == nil && idle && slices.ContainsFunc(e.Value.Hooks, Hook.active) {
				l, err = s.leases.Try(ctx, e.Key, false)
			}
			if err != nil && ctx.Err() == nil {
				report(fmt.Errorf("webhooks: who sends: %w", err))
			}
			if l == nil {
				continue
			}
			mu.Lock()
			busy[app] = true
			mu.Unlock()
			wg.Go(func() {
				s.account(ctx, app, l, report)
				mu.Lock()
				defer mu.Unlock()
				delete(busy, app)
			})
		}
		s.pause(ctx, lookEvery, told)
	}
}

// active tells whether a webhook is to be told of changes.
func (h Hook) active() bool { return h.Stopped.IsZero() }

// pause waits, until ctx ends, a webhook is changed here, or the clock is moved.
func (s *Service) pause(ctx context.Context, d time.Duration, told <-chan struct{}) {
	var moved <-chan struct{}
	if m, ok := s.Clock.(interface{ Moved() <-chan struct{} }); ok {
		moved = m.Moved()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-told:
	case <-moved:
	}
}

// account sends what there is for the webhooks of an account, while the lease is held and
// there are some.
func (s *Service) account(ctx context.Context, app mpblock.AppID, l *lease.Lease[places], report func(error)) {
	work, cancel := l.Context(ctx)
	defer func() {
		cancel()
		last, done := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
		defer done()
		if err := l.Release(last); err != nil && !errors.Is(err, lease.ErrLost) {
			s.Log.Warn("the lease of an account's webhooks was not given up: it ends by itself", "appid", app, "error", err)
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	running := map[string]chan struct{}{}
	for work.Err() == nil {
		told := s.told()
		all, err := s.of(work, app)
		if err == nil {
			err = s.forget(work, l, all)
		}
		if err != nil {
			if work.Err() == nil {
				report(fmt.Errorf("webhooks of %s: %w", app, err))
			}
			s.pause(work, lookEvery, nil)
			continue
		}
		for id, done := range running {
			select {
			case <-done:
				delete(running, id)
			default:
			}
		}
		for _, h := range all {
			if h.active() && running[h.ID] == nil {
				done := make(chan struct{})
				running[h.ID] = done
				one := &sender{Service: s, app: app, id: h.ID, lease: l, report: report, at: l.Value().of(h)}
				wg.Go(func() { defer close(done); one.run(work) })
			}
		}
		if len(running) == 0 {
			return
		}
		s.pause(work, lookEvery, told)
	}
}

// forget removes the places of webhooks that are no more.
func (s *Service) forget(ctx context.Context, l *lease.Lease[places], all []Hook) error {
	gone := func(id string) bool { return !slices.ContainsFunc(all, func(h Hook) bool { return h.ID == id }) }
	for id := range l.Value().Hooks {
		if gone(id) {
			return l.Write(ctx, func(p *places) {
				left := map[string]place{}
				for id, at := range p.Hooks {
					if !gone(id) {
						left[id] = at
					}
				}
				p.Hooks = left
			})
		}
	}
	return nil
}
