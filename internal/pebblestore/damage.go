package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mpblock/internal/pebblestore/damage"
	"mpblock/internal/pebblestore/logend"
)

// DamagedError says that a file of the store is not what was written.
type DamagedError = damage.Error

// explain returns a *DamagedError for an error of Pebble's that is one, others as they
// are.
func (s *Store) explain(err error) error { return s.damage.Explain(err) }

// end closes an iterator, whose error it explains.
func (s *Store) end(it *pebble.Iterator, err *error) {
	closed := it.Close() // tells again what stopped it
	if *err == nil {
		*err = closed
	}
	*err = s.explain(*err)
}

// listener is told by Pebble of what happens in the background.
func (s *Store) listener() *pebble.EventListener {
	return &pebble.EventListener{
		FlushEnd:       func(pebble.FlushInfo) { go s.forgetRecent() }, // Pebble waits for its listeners
		DataCorruption: s.damage.Met,
		BackgroundError: func(err error) {
			s.tell.Error("work in the background failed: it is tried again later", "dir", s.dir, "error", damage.FirstLine(s.explain(err)))
		},
		// Writers wait until tables have been merged, which those with damage never are.
		WriteStallBegin: func(pebble.WriteStallBeginInfo) { s.fs.Stall(s.damage.Any()) },
		WriteStallEnd:   func() { s.fs.Stall(nil) },
	}
}

// Verify reads every block of every table, needed or not, and returns a *DamagedError
// for each table that is not what was written.
func (s *Store) Verify(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.inflight.Done()
	levels, err := s.db.SSTables()
	if err != nil {
		return s.explain(err)
	}
	var errs []error
	for _, tables := range levels {
		for _, t := range tables {
			if err := ctx.Err(); err != nil {
				return err
			}
			name := s.fs.PathJoin(s.dir, fmt.Sprintf("%s.sst", t.BackingSSTNum))
			if err := damage.Verify(ctx, s.fs, name); err != nil {
				errs = append(errs, &DamagedError{Dir: s.dir, File: name, Err: err})
			}
		}
	}
	return errors.Join(errs...)
}

// UnreadEnd returns what of the newest log cannot be read, as after a power cut.
func (s *Store) UnreadEnd() (logend.Changes, error) { return logend.ReadChanges(s.fs, s.dir) }

// explainOpen is explain for an error of opening the store, where it may be the log.
func (s *Store) explainOpen(err error) error {
	if !pebble.IsCorruptionError(err) || pebble.ExtractDataCorruptionInfo(err) != nil {
		return s.explain(err)
	}
	end, other := s.UnreadEnd()
	if other != nil || end.Unread == 0 {
		return s.explain(err)
	}
	return &DamagedError{Dir: s.dir, File: end.File, Err: end.Explain(err)}
}
