// Package feed tells of the changes of an account's blacklist in their order, to any
// number of followers, soon after they are made.
//
// It is a mpblock.Store in front of another, so that no change is made past it, whoever
// makes it. It promises that a follower who goes on from the last revision that it has
// handled misses no change and is told of none twice; and that what is looked at while
// nothing happens is one small read for each account that is followed, by its own key,
// however many follow it.
//
// A revision is the Seq of a Change: what a list is at a revision is what the changes up
// to it add up to. Who is protected is no part of the list: its changes have numbers of
// their own, and are told between those of the list. Followers keep their own place, and
// nothing is written down of them.
package feed

import (
	"context"
	"sync"
	"time"

	"mpblock"
)

// DefaultPoll is how often an account that is followed is looked at where other nodes
// write to the store too.
const DefaultPoll = 400 * time.Millisecond

// Errors of followers.
var (
	// ErrGone is the answer to a place from which nobody can go on: the changes behind it
	// are not kept, or it is of another log, as after a restore.
	ErrGone = mpblock.NewError(mpblock.Conflict, "feed.gone", "the changes after revision %d cannot be told: read the list as it is, and go on after revision %d")

	// ErrStopped is the answer when the server stops.
	ErrStopped = mpblock.NewError(mpblock.Unavailable, "feed.stopped", "the server stops: ask again, after the same revision")
)

// Store is a mpblock.Store whose changes can be followed.
type Store struct {
	mpblock.Store
	poll       time.Duration
	protection Protection
	stopped    chan struct{}
	stop       func()

	mu     sync.RWMutex
	topics map[mpblock.AppID]*topic
}

// New returns a store in front of another. Poll is how often an account that is followed
// is looked at; 0: nobody writes to the store but through this one.
func New(store mpblock.Store, poll time.Duration) *Store {
	s := &Store{Store: store, poll: poll, protection: none, stopped: make(chan struct{}), topics: map[mpblock.AppID]*topic{}}
	s.stop = sync.OnceFunc(func() { close(s.stopped) })
	return s
}

func none(context.Context, mpblock.AppID, uint64, int) ([]Event, uint64, error) { return nil, 0, nil }

// Unwrap returns the store inside.
func (s *Store) Unwrap() mpblock.Store { return s.Store }

// Stop ends all waiting, for good; changes are made as before.
func (s *Store) Stop() { s.stop() }

// Apply implements mpblock.Store. Also one that failed may have happened.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	c, err := s.Store.Apply(ctx, app, b)
	if c.Seq != 0 || err != nil {
		s.Kick(app)
	}
	return c, err
}

// Kick has an account looked at now, if it is followed.
func (s *Store) Kick(app mpblock.AppID) {
	s.mu.RLock()
	t := s.topics[app]
	s.mu.RUnlock()
	if t != nil {
		t.kick()
	}
}

// Follow begins to wait for the changes of an account. Close ends it.
func (s *Store) Follow(app mpblock.AppID) *Follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[app]
	if t == nil {
		ctx, cancel := context.WithCancel(context.Background())
		t = &topic{store: s, app: app, news: make(chan struct{}), kicked: make(chan struct{}, 1), cancel: cancel}
		s.topics[app] = t
		go t.run(ctx)
	}
	t.followers++
	return &Follower{topic: t}
}

// Waiting returns how many followers there are.
func (s *Store) Waiting() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, t := range s.topics {
		n += t.followers
	}
	return n
}

// Follower waits for the changes of one account. One goroutine uses it.
type Follower struct{ topic *topic }

// Close ends the waiting.
func (f *Follower) Close() {
	t, s := f.topic, f.topic.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.followers--; t.followers == 0 {
		delete(s.topics, t.app)
		t.cancel()
	}
}

// Next returns the changes behind a place, as Read does, and waits until there are some.
// It fails with the error of ctx, with ErrGone or with ErrStopped.
func (f *Follower) Next(ctx context.Context, after Place, limit int) (Page, error) {
	t := f.topic
	for {
		at := t.now()
		if page, ok := at.page(after, limit); ok {
			return page, nil
		}
		if !at.known || after.Revision != at.seq || after.Protection != at.protection {
			if page, err := t.store.Read(ctx, t.app, after, limit); err != nil || len(page.Events) > 0 {
				return page, err
			}
		}
		if err := f.wait(ctx, at.news); err != nil {
			return Page{}, err
		}
	}
}

func (f *Follower) wait(ctx context.Context, news <-chan struct{}) error {
	select {
	case <-news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.topic.store.stopped:
		return ErrStopped
	}
}

// Check tells how long ago there was no change after a revision, as far as is known; not
// ok: there is one, or it is not known. Where all changes are made through this store it
// looks, else it has what was seen when the account was looked at last.
func (f *Follower) Check(ctx context.Context, after uint64) (age time.Duration, ok bool) {
	t := f.topic
	if t.store.poll == 0 {
		head, err := t.store.Blacklist(ctx, t.app, mpblock.OpenID{}, 0)
		return 0, err == nil && head.Seq == after
	}
	at := t.now()
	if !at.known && f.wait(ctx, at.news) == nil { // somebody has begun to look
		at = t.now()
	}
	return time.Since(at.checked), at.known && at.seq == after
}
