// Package listcache keeps blacklists in memory in front of a store, so that a page
// costs what it takes to send it.
//
// It is a mpblock.Store that answers Blacklist itself and hands all else on. What it
// keeps is a projection of the account's change log: the entries of some ranges of
// the list, all true as of one change. For each page it asks the store for the seq
// of the account's last change, which is one small read, and applies to what it
// keeps the changes that it lacks. So its answers are the store's own, whoever
// else writes to the store: another process, another node, or a call whose outcome
// its caller never learnt.
//
// A range that is not kept is read when a page first needs it, by one scan however
// many callers wait for it. What is kept is bounded over all accounts; the ranges
// that no page has touched for the longest time go first.
//
// A page's OpenIDs lie in blocks of some hundreds. A change touches the blocks that its
// OpenIDs fall into, and no others. One that is in a page that was given out and not
// released is not written: another takes its place. The others are edited where they lie.
package listcache

import (
	"context"
	"sync"
	"sync/atomic"

	"mpblock"
	"mpblock/internal/quoted"
)

// Store is a mpblock.Store in front of another.
type Store struct {
	mpblock.Store
	sizes
	limit int64        // of kept, in bytes
	kept  atomic.Int64 // bytes of all blocks
	lists sync.Map     // mpblock.AppID → *list
	// evicting is held by the one that makes room.
	evicting atomic.Bool
	// clock goes on when something is read from the store: what happens between
	// two readings need not be told apart, since only a reading takes room.
	clock atomic.Int64
}

// sizes are what tests make small.
type sizes struct {
	block    int // OpenIDs that a block is filled with
	maxBlock int // beyond which it is split
	minBlock int // below which it joins its neighbour
	read     int // OpenIDs that are read at least when a range is not kept

	// lag is how many OpenIDs of changes are applied to get up to date; beyond
	// that, what is kept of the account is given up: reading a page anew is less work.
	lag int
}

// A block of 396 OpenIDs fits 12,288 bytes, one of 528 fits 16,384: two of Go's own
// size classes.
var defaultSizes = sizes{block: 396, maxBlock: 528, minBlock: 132, read: 1_024, lag: 50_000}

// changesAtOnce is how many changes are read at a time to get up to date.
const changesAtOnce = 32

// New returns a store that keeps up to so many bytes of the blacklists of another.
// Memory that pages in use still hold comes on top, as does that of Go's runtime.
func New(store mpblock.Store, bytes int64) *Store {
	return &Store{Store: store, sizes: defaultSizes, limit: bytes}
}

// Unwrap returns the store inside.
func (s *Store) Unwrap() mpblock.Store { return s.Store }

// Kept returns how many bytes the kept lists take at present.
func (s *Store) Kept() int64 { return s.kept.Load() }

// Blacklist implements mpblock.Store.
func (s *Store) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	p, ok, err := s.page(ctx, app, after, limit)
	if ok || err != nil {
		defer p.Release()
		return p.Page(), err
	}
	return s.Store.Blacklist(ctx, app, after, limit)
}

// Quoted is Blacklist with the OpenIDs as they are sent: where they are kept, they
// are not copied. Whoever has sent them releases the page.
func (s *Store) Quoted(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (quoted.Page, error) {
	p, ok, err := s.page(ctx, app, after, limit)
	if ok || err != nil {
		return p, err
	}
	read, err := s.Store.Blacklist(ctx, app, after, limit)
	return quoted.Of(read), err
}

// Erase implements mpblock.Store, and gives up what is kept of the account.
//
// Another node keeps its blocks, as of a seq that the account no longer has, and a log
// that began anew would be taken for an older one. That is never seen: the rules erase
// an account only once every node takes it for gone, and its AppID is not given out
// again. What is kept goes where that node erases the account too, or as any range that
// no page touches.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	l := s.list(app)
	select {
	case l.work <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.work }()
	err := s.Store.Erase(ctx, app)
	l.forget() // also where a part may have been erased
	return err
}

// page answers from what is kept, and has read what was not. It is not ok where there
// is no room, or the store has gone back: then the store itself is to answer.
func (s *Store) page(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (p quoted.Page, ok bool, err error) {
	for range patience {
		head, err := s.Store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		if err != nil || limit <= 0 || head.Total == 0 {
			return quoted.Of(head), true, err
		}
		l := s.list(app)
		if p, ok := l.page(after, limit, head.Seq); ok {
			return p, true, nil
		}
		others, mine := l.enter()
		if mine {
			defer l.leave()
			return s.read(ctx, l, after, limit)
		}
		select {
		case <-others:
		case <-ctx.Done():
			return p, false, ctx.Err()
		}
	}
	return s.read(ctx, s.list(app), after, limit)
}

// patience is how often a page waits for what another is reading before it reads by
// itself, in turn with those others.
const patience = 4

func (s *Store) list(app mpblock.AppID) *list {
	l, ok := s.lists.Load(app)
	if !ok {
		l, _ = s.lists.LoadOrStore(app, &list{cache: s, app: app, work: make(chan struct{}, 1)})
	}
	return l.(*list) //nolint:forcetypeassert // the map holds nothing else
}

// read answers a page for which something must be read: changes, entries or both.
func (s *Store) read(ctx context.Context, l *list, after mpblock.OpenID, limit int) (p quoted.Page, ok bool, err error) {
	select {
	case l.work <- struct{}{}:
	case <-ctx.Done():
		return p, false, ctx.Err()
	}
	defer func() { <-l.work }()
	return s.readInto(ctx, l, after, limit)
}

// readInto reads what is lacking into the list, whose work the caller has taken.
func (s *Store) readInto(ctx context.Context, l *list, after mpblock.OpenID, limit int) (p quoted.Page, ok bool, err error) {
	head, err := s.Store.Blacklist(ctx, l.app, mpblock.OpenID{}, 0)
	if err != nil {
		return p, false, err
	}
	if err := l.catchUp(ctx, head.Seq); err != nil {
		return p, false, err
	}
	if s.kept.Load() > s.limit { // changes make blocks larger, without a reading for which room is made
		s.clock.Add(1)
		s.makeRoom()
	}
	for {
		p, gap, ok := l.gather(after, limit)
		if ok {
			return p, true, nil
		}
		want := max(min(limit, head.Total+1)-gap.have, s.sizes.read)
		if !s.room(want) {
			return p, false, nil
		}
		s.clock.Add(1)
		piece, err := s.Store.Blacklist(ctx, l.app, gap.after, want)
		if err != nil {
			return p, false, err
		}
		if err := l.catchUp(ctx, piece.Seq); err != nil {
			return p, false, err
		}
		if !l.keep(gap.after, piece, want) {
			return p, false, nil
		}
	}
}

// room tells whether so many OpenIDs may be kept too, and sees to it that there
// will be room.
func (s *Store) room(ids int) bool {
	more := int64(quoted.Size(ids)) * 9 / 8
	if kept := s.kept.Load() + more; kept <= s.limit-s.limit/16 {
		return true
	}
	s.makeRoom()
	return s.kept.Load()+more <= s.limit
}
