package server

import (
	"context"
	"fmt"
	"net/http"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/listcache"
	"mpblock/internal/seed"
)

// stack is a store and what stands on it. A server has one, and an emulator that goes
// back to an earlier state changes it for another: whoever is in a call of the former
// ends it there.
type stack struct {
	store    *listcache.Store
	feed     *feed.Store // inside it
	rules    *rules
	handler  http.Handler
	stopWork context.CancelFunc
	worked   chan struct{} // closed when the work in the background has ended
}

// build puts a stack together on a store that holds what it is to begin with.
func (s *Server) build(ctx context.Context, store mpblock.Store) (*stack, error) {
	kept, _, _ := s.cfg.Memory()
	poll := feed.DefaultPoll
	if s.cfg.embedded() || s.emulated != nil { // nobody else writes to it
		poll = 0
	}
	changes := feed.New(s.metrics.Wrap(store), poll)
	w := &stack{store: listcache.New(changes, kept), feed: changes, stopWork: func() {}, worked: make(chan struct{})}
	close(w.worked)
	people := mpblock.Records(w.store)
	if s.emulated != nil {
		people = s.emulated.people
	}
	var err error
	if w.rules, err = openRules(ctx, w.store, people, s.cfg); err != nil {
		return nil, err
	}
	w.handler = s.routes(w)
	return w, nil
}

// fill gives a new stack what the configuration says it begins with.
func (s *Server) fill(ctx context.Context, w *stack) error {
	if e := s.cfg.Emulate; e != nil {
		if err := e.Seed.Fill(ctx, w.seeded(), s.cfg.Clock.Now()); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
	}
	if !s.cfg.Demo {
		return nil
	}
	if err := w.rules.fillDemo(ctx, s.cfg.Clock.Now(), s.cfg.DemoLanguage); err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	return nil
}

// seeded is where a seed goes to and comes from.
func (w *stack) seeded() seed.State {
	return seed.State{Store: w.store, Access: w.rules.access, Lists: w.rules.lists, Remarks: w.rules.remarks}
}

// work runs what the rules do by themselves until stopWork is called.
func (w *stack) work(report func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.stopWork, w.worked = cancel, done
	go func() {
		defer close(done)
		w.rules.run(ctx, report)
	}()
}

// now returns the present stack.
func (s *Server) now() *stack { return s.stack.Load() }
