package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// lock serialises the writers of one account, or of some records, up to where
// their write is in Pebble's log and seen by readers; they wait for the disk side
// by side, without it.
type lock struct {
	token chan struct{}
	// last is the write that was last let in: one that changes nothing, since
	// what it asks for is so already, waits until that is durable.
	last *commit
	// seen, if it is set, is told that readers see the write that was built last.
	seen func()
}

func newLock() lock { return lock{token: make(chan struct{}, 1)} }

// commit is a write on its way to the disk.
type commit struct {
	done chan struct{}
	err  error // once done is closed
}

// await runs an operation that writes. It returns when the operation has, or, with
// an error, when the context ends or the disk refuses writes: the operation goes on
// and may still succeed.
func (s *Store) await(ctx context.Context, op func() error) error {
	if err := s.enterToWrite(ctx); err != nil {
		return err
	}
	var err error
	done := make(chan struct{})
	go func() {
		defer s.inflight.Done()
		defer close(done)
		err = op()
	}()
	if gaveUp := s.until(ctx, done); gaveUp != nil {
		return gaveUp
	}
	return err
}

// enterToWrite is enter for a method that writes.
func (s *Store) enterToWrite(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		s.inflight.Done()
		return err
	}
	return nil
}

// until waits for something that writes. It returns an error if it is not to be
// waited for any longer.
func (s *Store) until(ctx context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-s.fs.Abandoned(): // what is held back now is held for ever
			return errClosed
		case <-s.fs.Trouble():
			if err := s.fs.Health(); err != nil {
				return err
			}
		}
	}
}

// writable tells why nothing can be written, nil if it can. Pebble itself would refuse
// to write what it only reads, but the account would by then have the new head.
func (s *Store) writable() error {
	if s.fs.ReadOnly {
		return fmt.Errorf("pebblestore: %s was opened to be read only, use a store that may be written: %w", s.dir, pebble.ErrReadOnly)
	}
	return s.fs.Health()
}

// write runs build under a lock and makes durable what it has put into the batch,
// waiting as await does.
func (s *Store) write(ctx context.Context, l *lock, build func(*pebble.Batch) error) error {
	return s.await(ctx, func() error { return s.writeAndWait(ctx, l, build) })
}

func (s *Store) writeAndWait(ctx context.Context, l *lock, build func(*pebble.Batch) error) error {
	select {
	case l.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	b := s.db.NewBatch()
	defer b.Close() //nolint:errcheck // of memory; a batch that was committed has told all
	err := build(b)
	if err == nil && !b.Empty() {
		c := &commit{done: make(chan struct{})}
		defer close(c.done)
		c.err = s.db.ApplyNoSyncWait(b, pebble.Sync)
		l.last = c
		if l.seen != nil {
			l.seen()
		}
		<-l.token
		if c.err == nil {
			c.err = b.SyncWait()
		}
		return c.err
	}
	last := l.last
	<-l.token
	if last != nil {
		<-last.done
		if last.err != nil {
			return last.err
		}
	}
	return err
}

// value returns a copy of a value, nil if the key is not there.
func (s *Store) value(key []byte) (copied []byte, err error) {
	err = s.view(key, func(v []byte) error {
		if v != nil {
			copied = append([]byte{}, v...)
		}
		return nil
	})
	return copied, err
}

// view shows a value as it lies in memory, which is not to be kept; nil if the key
// is not there.
func (s *Store) view(key []byte, show func([]byte) error) error {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return show(nil)
	}
	if err != nil {
		return s.explain(err)
	}
	defer closer.Close() //nolint:errcheck // of a value in memory
	if v == nil {
		v = []byte{}
	}
	return show(v)
}
