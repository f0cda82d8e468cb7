package pebblestore

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// account is what a writer knows of an account's lists.
type account struct {
	lock
	read   bool // head is what the store holds
	head   head
	recent recent
	erased bool // since the store was opened: see forgetErased
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

// headOf returns the account's head. The caller holds its lock.
func (s *Store) headOf(app mpblock.AppID, a *account) (head, error) {
	if a.read {
		return a.head, nil
	}
	h, err := s.readHeads(context.Background(), app)
	if err != nil {
		return h, err
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

// heads returns an account's heads, from the disk only until they are known: what
// keeps pages asks for them each time.
func (s *Store) heads(ctx context.Context, app mpblock.AppID) (head, error) {
	a := s.account(app)
	if known := a.visible.Load(); known != nil {
		return *known, nil
	}
	h, err := s.readHeads(ctx, app)
	if err == nil {
		a.visible.CompareAndSwap(nil, &h) // unless a writer has told of newer ones
	}
	return h, err
}

func (s *Store) readHeads(ctx context.Context, app mpblock.AppID) (h head, err error) {
	it, err := s.iterate(ctx, followerKeys, app)
	if err != nil {
		return h, err
	}
	defer s.end(it, &err)
	return headsAt(it, app)
}

// iterate returns an iterator from an account's heads to the end of one of its
// lists; the head of the followers is before the end of theirs only.
func (s *Store) iterate(ctx context.Context, kind byte, app mpblock.AppID) (*pebble.Iterator, error) {
	return s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: headKey(entryKeys, app), UpperBound: after(appKey(kind, app)),
	})
}

// headsAt reads heads through an iterator, of whose instant they are.
func headsAt(it *pebble.Iterator, app mpblock.AppID) (h head, err error) {
	if k := headKey(entryKeys, app); it.SeekGE(k) && bytes.Equal(it.Key(), k) {
		if err := h.decode(it.Value()); err != nil {
			return h, err
		}
	}
	if err := it.Error(); err != nil {
		return h, err // the next seek would forget it
	}
	if k := headKey(followerKeys, app); it.SeekGE(k) && bytes.Equal(it.Key(), k) {
		if h.followers, err = codec.DecodeUint(it.Value()); err != nil {
			return h, err
		}
	}
	return h, it.Error()
}
