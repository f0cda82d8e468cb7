package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/recent"
)

// head is the state of an account's lists beside the lists themselves.
type head struct {
	total     uint64 // of the blacklist
	seq       uint64 // of the last change
	time      int64  // of the last change
	unblocks  uint64 // changes that unblocked: without one there are no former entries
	ends      uint64 // entries that end
	followers uint64
}

func (h head) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 5*binary.MaxVarintLen64), h.total)
	b = binary.AppendUvarint(b, h.seq)
	b = binary.AppendVarint(b, h.time)
	b = binary.AppendUvarint(b, h.unblocks)
	if h.ends == 0 {
		return b
	}
	return binary.AppendUvarint(b, h.ends)
}

func (h *head) decode(b []byte) error {
	r := codec.Reader{Rest: b}
	h.total, h.seq, h.time, h.unblocks = r.Uint(), r.Uint(), r.Int(), r.Uint()
	if len(r.Rest) > 0 {
		h.ends = r.Uint()
	}
	return r.Err
}

// account is what a writer knows of an account's lists.
type account struct {
	lock
	read   bool // head is what the store holds
	head   head
	recent recent.Changes
	erased bool // since the store was opened: see forgetErased
	// followerChanges counts the changes of the followers that readers see.
	followerChanges atomic.Uint64

	filtered

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
	a.recent.Since = h.seq
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
	it, err := s.iterate(ctx, codec.FollowerKeys, app)
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
		LowerBound: codec.HeadKey(codec.EntryKeys, app), UpperBound: codec.After(codec.AppKey(kind, app)),
	})
}

// headsAt reads heads through an iterator, of whose instant they are.
func headsAt(it *pebble.Iterator, app mpblock.AppID) (h head, err error) {
	if k := codec.HeadKey(codec.EntryKeys, app); it.SeekGE(k) && bytes.Equal(it.Key(), k) {
		if err := h.decode(it.Value()); err != nil {
			return h, err
		}
	}
	if err := it.Error(); err != nil {
		return h, err // the next seek would forget it
	}
	if k := codec.HeadKey(codec.FollowerKeys, app); it.SeekGE(k) && bytes.Equal(it.Key(), k) {
		if h.followers, err = codec.DecodeUint(it.Value()); err != nil {
			return h, err
		}
	}
	return h, it.Error()
}
