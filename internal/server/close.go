package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// What the parts of an end may take. Requests and the work in the background end at
// the same time.
const (
	drainTime  = 10 * time.Second // for requests under way to be answered
	cutTime    = time.Second      // for those that were cut to notice
	settleTime = 3 * time.Second  // to write quotas and counts
)

// Close ends the server in order: jobs are told to stop; requests under way are
// answered, and those that take longer than 10 s are cut; what was reserved of quotas
// is given back and the counts of calls are written; the store is closed. All of it
// takes 14 s at most and what the store's own Close takes. That somebody was cut, or
// that quotas could not be written, is told in the log and is no error. Close may be
// called more than once, and returns the same.
func (s *Server) Close() error { return s.close() }

func (s *Server) end() error {
	s.stopping.Store(true)
	if s.emulated != nil {
		s.emulated.Close()
		s.emulated.mu.Lock()   // a reset under way comes to its end, and no other begins
		s.emulated.mu.Unlock() //nolint:staticcheck // there is nothing to do under it
	}
	w := s.now()
	w.stopWork()
	w.feed.Stop() // who waits for changes is answered at once
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	err := s.drain(ctx)
	if !ended(ctx, w.worked) {
		s.cfg.Log.Warn("a job or a count did not stop in time; it goes on elsewhere, or after the next start")
	}
	cancel()
	s.awaitRequests()
	s.settle()
	return errors.Join(err, s.release())
}

// drain shuts all doors at once, and waits for the requests under way while there is
// time. Then it cuts them.
func (s *Server) drain(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(s.http)+2)
	for i, srv := range s.http {
		wg.Go(func() { errs[i] = s.shut(ctx, srv) })
	}
	if s.direct != nil {
		wg.Go(func() {
			errs[len(s.http)+1] = s.direct.Shutdown(ctx)
			s.tellCut(ctx)
		})
	}
	if s.admin != nil {
		wg.Go(func() { errs[len(s.http)] = s.admin.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Server) shut(ctx context.Context, srv *http.Server) error {
	err := srv.Shutdown(ctx)
	if ctx.Err() == nil {
		return err
	}
	s.tellCut(ctx)
	return srv.Close()
}

// tellCut says that there was no time left.
func (s *Server) tellCut(ctx context.Context) {
	if ctx.Err() != nil {
		s.cfg.Log.Info("requests that were not at their end in time are cut", "after", drainTime)
	}
}

// awaitRequests waits until no request is in a handler, and keeps others out. One that
// was cut reads or writes in vain, or finds its context ended.
func (s *Server) awaitRequests() {
	ctx, cancel := context.WithTimeout(context.Background(), cutTime)
	defer cancel()
	none := make(chan struct{})
	go func() {
		s.requests.Lock() // never released
		close(none)
	}()
	if !ended(ctx, none) {
		s.cfg.Log.Warn("a request that was cut is still at work: its call is not counted")
	}
}

// ended waits for something to end, and tells whether it did while there was time.
func ended(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-done: // both at once
		return true
	default:
		return false
	}
}

// settle writes what the rules have in memory alone.
func (s *Server) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if err := s.now().rules.access.Close(ctx); err != nil {
		s.cfg.Log.Warn("what was reserved of the quotas is not given back, or calls are not counted", "error", err)
	}
}

// release closes what Open has opened.
func (s *Server) release() error {
	var errs []error
	for _, c := range slices.Backward(s.owned) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
