package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// sweepNowAndThen removes what is past its end. Any number of nodes may do so.
func (s *Store) sweepNowAndThen(ctx context.Context) {
	ticks := time.NewTicker(sweepEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("what is past its end is not removed: tried again later", "database", s.where, "error", err)
		}
	}
}

func (s *Store) sweep(ctx context.Context) error {
	if err := s.retry(ctx, func(ctx context.Context, c *sql.Conn) error { return s.compareNow(ctx, c) }); err != nil {
		return err
	}
	now := s.clock.Now()
	err := s.sweepTable(ctx, "SELECT kind, name, version FROM record WHERE expires > 0 AND expires <= ? LIMIT ?", now,
		"DELETE FROM record WHERE kind = ? AND name = ? AND version = ?")
	if err != nil {
		return err
	}
	err = s.sweepTable(ctx, "SELECT app, id, at FROM applied WHERE at <= ? LIMIT ?", now.Add(-mpblock.KeepRequests),
		"DELETE FROM applied WHERE app = ? AND id = ? AND at = ?")
	if err != nil {
		return err
	}
	return s.sweepTable(ctx, "SELECT app, mark, at FROM follow_mark WHERE at <= ? LIMIT ?", now.Add(-markLife),
		"DELETE FROM follow_mark WHERE app = ? AND mark = ? AND at = ?")
}

// sweepTable removes the rows that a query names by two keys and a number, until there
// are none; each by itself, since a statement over many would hold up writers.
func (s *Store) sweepTable(ctx context.Context, statement string, until time.Time, remove string) error {
	for {
		var dead [][]any
		err := s.retry(ctx, func(ctx context.Context, c *sql.Conn) error {
			dead = dead[:0]
			_, err := query.Rows(ctx, c, statement, []any{until.UnixMilli(), sweepAtOnce}, func(r *sql.Rows) error {
				var first, second []byte
				var n uint64
				err := r.Scan(&first, &second, &n)
				dead = append(dead, []any{first, second, n})
				return err
			})
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range dead {
			if err := s.retry(ctx, func(ctx context.Context, c *sql.Conn) error {
				_, err := query.Change(ctx, c, remove, key...)
				return err
			}); err != nil {
				return err
			}
		}
		if len(dead) < sweepAtOnce {
			return nil
		}
	}
}
