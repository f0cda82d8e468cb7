package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

// health is whether the database answers. After an operation has waited for it in
// vain, others fail at once, so that nothing piles up, until it answers again.
type health struct{ away atomic.Pointer[awayError] }

type awayError struct{ cause error }

func (a *awayError) Error() string {
	return fmt.Sprintf("sqlstore: the database is away and looked for: %v", a.cause)
}

func (a *awayError) Unwrap() error { return a.cause }

func (h *health) refusal() error {
	if a := h.away.Load(); a != nil {
		return a
	}
	return nil
}

func (h *health) good() {
	if h.away.Load() != nil {
		h.away.Store(nil)
	}
}

func (h *health) bad(s *Store, cause error) {
	if h.away.Swap(&awayError{cause}) == nil {
		s.log.Error("the database does not answer: calls fail until it does", "database", s.where, "error", cause)
	}
}

// Health returns nil while the database answers, else why it does not.
func (s *Store) Health() error { return s.health.refusal() }

// probe looks for a database that is away.
func (s *Store) probe(ctx context.Context) {
	ticks := time.NewTicker(probeEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if s.Health() == nil {
			continue
		}
		err := s.retry(ctx, func(ctx context.Context, c *sql.Conn) error {
			_, err := rows(ctx, c, "SELECT version FROM schema_version WHERE version = 0", nil, func(*sql.Rows) error { return nil })
			return err
		})
		if err == nil {
			s.health.good()
			s.log.Info("the database answers again", "database", s.where)
		}
	}
}
