package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// health is whether the database answers. After an operation has waited in vain, a
// probe asks; where it gets no answer either, other operations fail at once, so
// that nothing piles up, until a probe gets one.
type health struct {
	away    atomic.Pointer[awayError]
	suspect chan struct{} // takes one without waiting
}

type awayError struct{ cause error }

func (a *awayError) Error() string {
	return fmt.Sprintf("sqlstore: the database is away and looked for: %v", a.cause)
}

func (a *awayError) Unwrap() error { return a.cause }

// Health returns nil while the database answers and takes writes, else why not.
func (s *Store) Health() error {
	if err := s.away(); err != nil {
		return err
	}
	return s.skewed()
}

// away returns nil while the database answers, else why it does not.
func (s *Store) away() error {
	if a := s.health.away.Load(); a != nil {
		return a
	}
	return nil
}

// doubt has the database asked whether it answers.
func (h *health) doubt() {
	select {
	case h.suspect <- struct{}{}:
	default: // it is going to be asked anyway
	}
}

// watch asks the database when an operation has waited for it in vain, and now and
// then while it is away or nothing is written to it.
func (s *Store) watch(ctx context.Context) {
	ticks := time.NewTicker(probeEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.health.suspect:
		case <-ticks.C:
			if s.Health() == nil {
				continue
			}
		}
		switch err := s.probe(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil && s.health.away.Swap(&awayError{err}) == nil:
			s.log.Error("the database does not answer: calls fail until it does", "database", s.where, "error", err)
		case err == nil && s.health.away.Swap(nil) != nil:
			s.log.Info("the database answers again", "database", s.where)
		}
	}
}

// probe asks over a connection of its own: that all others are in use says nothing
// about the database.
func (s *Store) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(probeTime, s.timeout))
	defer cancel()
	db := sql.OpenDB(s.connector)
	sent := s.skew.machine()
	var version, seconds int64
	err := db.QueryRowContext(ctx, "SELECT version, "+askTime+" FROM schema_version WHERE version = 0").Scan(&version, &seconds)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = nil
	case err == nil:
		_ = s.compare(sent, seconds) // which keeps it; the database is there
	}
	return errors.Join(err, db.Close())
}
