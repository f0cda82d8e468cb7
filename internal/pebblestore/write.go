package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
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

// account is what a writer knows of an account's lists.
type account struct {
	lock
	read   bool // head is what the store holds
	head   head
	recent recent
	// followerChanges counts the changes of the followers that readers see.
	followerChanges atomic.Uint64

	// tabled is a head that was in the tables at some time, nil if none is known.
	tabled atomic.Pointer[head]

	queueing sync.Mutex
	queue    []*request // that nobody has taken yet
	led      bool       // somebody will take them

	// visible is the head as readers see it, nil while nobody has asked. It is
	// behind the store for no longer than a write takes from there to here.
	visible atomic.Pointer[head]
}

func newAccount() *account {
	a := &account{lock: newLock()}
	followers := ^uint64(0) // as of the write before; a reader may have made visible what this one wrote
	a.seen = func() {
		h := a.head
		a.visible.Store(&h)
		if h.followers != followers {
			followers = h.followers
			a.followerChanges.Add(1)
		}
	}
	return a
}

func (s *Store) account(app mpblock.AppID) *account {
	a, ok := s.accounts.Load(app)
	if !ok {
		a, _ = s.accounts.LoadOrStore(app, newAccount())
	}
	return a.(*account) //nolint:forcetypeassert // the map holds nothing else
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
		case <-s.guard.abandoned: // what is held back now is held for ever
			return errClosed
		case <-s.guard.trouble():
			if err := s.guard.health(); err != nil {
				return err
			}
		}
	}
}

// writable tells why nothing can be written, nil if it can. Pebble itself would refuse
// to write what it only reads, but the account would by then have the new head.
func (s *Store) writable() error {
	if s.fs.readOnly {
		return fmt.Errorf("pebblestore: %s was opened to be read only, use a store that may be written: %w", s.dir, pebble.ErrReadOnly)
	}
	return s.guard.health()
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

// Apply implements mpblock.Store.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := errors.Join(b.Validate(), checkApp(app)); err != nil {
		return mpblock.Change{}, err
	}
	ids := mpblock.Distinct(b.OpenIDs)
	if err := s.enterToWrite(ctx); err != nil {
		return mpblock.Change{}, err
	}
	a := s.account(app)
	f, err := s.find(app, a, ids, b.Known, true)
	if err != nil {
		s.inflight.Done()
		return mpblock.Change{}, err
	}
	r := &request{ctx: ctx, batch: b, ids: ids, found: f, done: make(chan struct{})}
	s.submit(app, a, r)
	if err := s.until(ctx, r.done); err != nil {
		return mpblock.Change{}, err
	}
	return r.made, r.err
}

// headOf returns the account's head. The caller holds its lock.
func (s *Store) headOf(app mpblock.AppID, a *account) (head, error) {
	if a.read {
		return a.head, nil
	}
	var h head
	if v, err := s.value(headKey(entryKeys, app)); err != nil {
		return h, err
	} else if v != nil {
		if err := h.decode(v); err != nil {
			return h, err
		}
	}
	if v, err := s.value(headKey(followerKeys, app)); err != nil {
		return h, err
	} else if v != nil {
		if h.followers, err = decodeUint(v); err != nil {
			return h, err
		}
	}
	a.head, a.read = h, true
	a.recent.since = h.seq
	return h, nil
}

// remember keeps the head that a batch has been given. The batch is committed
// next, before the lock is released; a commit that fails ends the process.
func (a *account) remember(h head, err error) error {
	if err == nil {
		a.head = h
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
		return err
	}
	defer closer.Close() //nolint:errcheck // of a value in memory
	if v == nil {
		v = []byte{}
	}
	return show(v)
}

func nextChange(h head, b mpblock.Batch, took []step) mpblock.Change {
	var last time.Time
	if h.seq != 0 {
		last = time.UnixMilli(h.time).UTC()
	}
	c := mpblock.Change{
		Seq: h.seq + 1, Time: b.Date(last),
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, OpenIDs: make([]mpblock.OpenID, len(took)),
	}
	for i := range took {
		c.OpenIDs[i] = took[i].id
	}
	return c
}

// putChange writes a change and its effects, and returns the head after it, which is
// to be written too. Of a
// former entry the seq of the change that unblocked it is kept, the last link of
// its history; that of one which is blocked again is out of use until then.
func putChange(batch *pebble.Batch, app mpblock.AppID, h head, c mpblock.Change, took []step) (head, error) {
	h.seq, h.time = c.Seq, c.Time.UnixMilli()
	if c.Action == mpblock.Block {
		h.total += uint64(len(took))
	} else {
		h.total -= uint64(len(took))
		h.unblocks++
	}
	seq := encodeUint(c.Seq)
	entry, former := newIDKey(entryKeys, app), newIDKey(formerKeys, app)
	var errs error
	for i := range took {
		id := &took[i].id
		if c.Action == mpblock.Block {
			errs = errors.Join(errs, batch.Set(entry.of(id), seq, nil))
		} else {
			errs = errors.Join(errs, batch.Delete(entry.of(id), nil), batch.Set(former.of(id), seq, nil))
		}
	}
	return h, errors.Join(errs, batch.Set(changeKey(app, c.Seq), encodeChange(c, took), nil))
}
