package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// DamagedError says that a file of the store is not what was written. What lies in its
// damaged part cannot be read; the rest of the store can.
type DamagedError struct {
	Dir, File string
	Err       error // what is wrong with it
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("pebblestore: the file %s is damaged (%s). What lies there cannot be read, and the rest can: stop the server, run mpblock check %s, and go back to the last backup that it finds sound",
		e.File, firstLine(e.Err), e.Dir)
}

// Unwrap returns what is wrong with the file.
func (e *DamagedError) Unwrap() error { return e.Err }

// damage is what is known of damaged files. Pebble would end the process over one,
// which serves nobody: the other accounts are sound.
type damage struct {
	dir string
	log *slog.Logger

	mu    sync.Mutex
	files map[string]struct{}
	first error
}

// met is told of each block that is not what was written.
func (d *damage) met(info pebble.DataCorruptionInfo) {
	err := &DamagedError{d.dir, info.Path, info.Details}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.files[info.Path]; known {
		return
	}
	if d.files == nil {
		d.files, d.first = map[string]struct{}{}, err
	}
	d.files[info.Path] = struct{}{}
	d.log.Error("a file of the store is damaged", "error", err)
}

// any returns the first damage that was met, nil if there was none.
func (d *damage) any() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}

// explain returns a *DamagedError for an error of Pebble's that is one, others as they
// are.
func (s *Store) explain(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) || errors.As(err, new(*DamagedError)) {
		return err
	}
	e := &DamagedError{s.dir, "of its tables that the log names", err}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		e.File = info.Path
	}
	return e
}

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
		DataCorruption: s.damage.met,
		BackgroundError: func(err error) {
			s.tell.Error("work in the background failed: it is tried again later", "dir", s.dir, "error", firstLine(s.explain(err)))
		},
		// Writers wait until tables have been merged, which those with damage never are.
		WriteStallBegin: func(pebble.WriteStallBeginInfo) { s.fs.Stall(s.damage.any()) },
		WriteStallEnd:   func() { s.fs.Stall(nil) },
	}
}

// firstLine is what somebody says, or a panic of Pebble's, without the stack trace that
// follows.
func firstLine(said any) string {
	text, _, _ := strings.Cut(fmt.Sprint(said), "\n")
	return text
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
	options := &pebble.Options{}
	options.EnsureDefaults()
	var errs []error
	for _, tables := range levels {
		for _, t := range tables {
			if err := ctx.Err(); err != nil {
				return err
			}
			name := s.fs.PathJoin(s.dir, fmt.Sprintf("%s.sst", t.BackingSSTNum))
			if err := s.verifyTable(ctx, name, options.MakeReaderOptions()); err != nil {
				errs = append(errs, &DamagedError{s.dir, name, err})
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Store) verifyTable(ctx context.Context, name string, options sstable.ReaderOptions) error {
	file, err := s.fs.Open(name)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r, err := sstable.NewReader(ctx, readable, options)
	if err != nil {
		return err // which has closed the file
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}
