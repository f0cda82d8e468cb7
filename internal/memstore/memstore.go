// Package memstore is the model of a store: the simplest one that keeps the
// contract of mpblock.Store, held in memory and gone with the process. The other
// stores are compared with it, and tests of the layers above run on it. It is
// written to be read; each write to a list costs time in the length of the list.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"mpblock"
)

// Store is a mpblock.Store in memory. One lock serves all of it.
type Store struct {
	mu       sync.Mutex
	closed   bool
	accounts map[mpblock.AppID]*account
	records  map[recordKey]mpblock.Record
	version  uint64 // of the last record written
	clock    mpblock.Clock
}

type account struct {
	followers set
	blocked   set
	last      map[mpblock.OpenID]uint64 // seq of the last change that names it
	since     map[mpblock.OpenID]uint64 // seq of the change that the entry belongs to, or belonged to last
	ends      map[mpblock.OpenID]time.Time
	changes   []mpblock.Change
	requests  requests
}

type recordKey struct{ kind, key string }

// New returns an empty store.
func New() *Store { return WithClock(nil) }

// WithClock returns an empty store whose records end by a clock; nil: the system's.
func WithClock(clock mpblock.Clock) *Store {
	return &Store{
		clock:    mpblock.ClockOr(clock),
		accounts: make(map[mpblock.AppID]*account),
		records:  make(map[recordKey]mpblock.Record),
	}
}

// Clone returns a store of its own that holds what this one holds.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Store{clock: s.clock, version: s.version, records: maps.Clone(s.records), accounts: make(map[mpblock.AppID]*account, len(s.accounts))}
	for app, a := range s.accounts { // sets and changes are never changed in place
		c.accounts[app] = &account{
			followers: a.followers, blocked: a.blocked, last: maps.Clone(a.last), since: maps.Clone(a.since), ends: maps.Clone(a.ends),
			changes: a.changes[:len(a.changes):len(a.changes)], requests: a.requests.clone(),
		}
	}
	return c
}

var errClosed = errors.New("memstore: the store is closed")

// begin takes the lock that the caller releases if the error is nil.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	return nil
}

// account returns the account's lists, empty ones for an AppID not seen before.
func (s *Store) account(app mpblock.AppID) *account {
	a := s.accounts[app]
	if a == nil {
		a = &account{last: make(map[mpblock.OpenID]uint64), since: make(map[mpblock.OpenID]uint64), ends: make(map[mpblock.OpenID]time.Time)}
		s.accounts[app] = a
	}
	return a
}

func (a *account) seq() uint64 { return uint64(len(a.changes)) }

// AddFollowers implements mpblock.Store.
func (s *Store) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return s.changeFollowers(ctx, app, ids, set.add)
}

// RemoveFollowers implements mpblock.Store.
func (s *Store) RemoveFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return s.changeFollowers(ctx, app, ids, set.remove)
}

func (s *Store) changeFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID,
	change func(set, []mpblock.OpenID) (set, []mpblock.OpenID),
) (int, error) {
	if len(ids) > mpblock.MaxWrite {
		return 0, fmt.Errorf("memstore: %d followers in one call, at most %d", len(ids), mpblock.MaxWrite)
	}
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	next, took := change(a.followers, ids)
	a.followers = next
	return len(took), nil
}

// Followers implements mpblock.Store.
func (s *Store) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	if err := s.begin(ctx); err != nil {
		return mpblock.Page{}, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	return mpblock.Page{OpenIDs: a.followers.page(after, limit), Total: len(a.followers), Seq: a.seq()}, nil
}

// Apply implements mpblock.Store.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := b.Validate(); err != nil {
		return mpblock.Change{}, err
	}
	if err := s.begin(ctx); err != nil {
		return mpblock.Change{}, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	before := a.requests.of[b.ID.Key]
	switch done, err := before.Answers(b); {
	case err != nil:
		return mpblock.Change{}, err
	case done:
		return a.changeOf(before), nil
	}
	c, err := a.apply(b)
	if err == nil {
		a.requests.add(b, c)
	}
	return c, err
}

func (a *account) apply(b mpblock.Batch) (mpblock.Change, error) {
	if b.Known {
		for i, id := range b.OpenIDs {
			if !a.followers.has(id) && !a.blocked.has(id) {
				return mpblock.Change{}, &mpblock.UnknownError{Index: i}
			}
		}
	}
	var last time.Time
	if n := len(a.changes); n > 0 {
		last = a.changes[n-1].Time
	}
	c := mpblock.Change{
		Seq: a.seq() + 1, Time: b.Date(last), Until: mpblock.EndAt(mpblock.EndMilli(b.Until)),
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, Undoes: b.Undoes,
	}
	ids := slices.DeleteFunc(slices.Clone(b.OpenIDs), func(id mpblock.OpenID) bool { return !a.touches(b, c.Time, id) })
	var next set
	switch b.Action {
	case mpblock.Block:
		next, c.OpenIDs = a.blocked.add(ids)
	case mpblock.Unblock:
		next, c.OpenIDs = a.blocked.remove(ids)
	case mpblock.Amend:
		next, c.OpenIDs = a.blocked, sorted(ids, a.blocked.has)
	}
	if len(c.OpenIDs) == 0 {
		return mpblock.Change{}, nil
	}
	a.blocked = next
	a.changes = append(a.changes, c)
	for _, id := range c.OpenIDs {
		a.last[id] = c.Seq
		delete(a.ends, id)
		if c.Action == mpblock.Unblock {
			continue
		}
		a.since[id] = c.Seq
		if c.Undoes != 0 {
			a.since[id] = a.sinceBefore(id, c.Undoes)
		}
		if end := a.until(a.since[id]); !end.IsZero() {
			a.ends[id] = end
		}
	}
	return c, nil
}

// touches tells whether what a batch asks for beside its action lets it touch an OpenID,
// where its change would be made at a time.
func (a *account) touches(b mpblock.Batch, at time.Time, id mpblock.OpenID) bool {
	switch {
	case !b.Only(a.last[id]):
		return false
	case b.Ended:
		end, ends := a.ends[id]
		return ends && !end.After(b.Time)
	case b.Undoes == 0:
		return true
	case b.Action == mpblock.Amend && a.changes[b.Undoes-1].Action != mpblock.Amend:
		return false
	case b.Action == mpblock.Unblock:
		return true
	}
	end := a.until(a.sinceBefore(id, b.Undoes))
	return end.IsZero() || end.After(at)
}

// until returns the end of a change; that of none is zero.
func (a *account) until(seq uint64) time.Time {
	if seq == 0 {
		return time.Time{}
	}
	return a.changes[seq-1].Until
}

// sinceBefore returns the change that the entry of an OpenID belonged to before a change.
func (a *account) sinceBefore(id mpblock.OpenID, seq uint64) uint64 {
	for seq--; seq > 0; seq-- {
		switch c := a.changes[seq-1]; {
		case !set(c.OpenIDs).has(id) || c.Action == mpblock.Unblock:
		case c.Undoes == 0:
			return seq
		default:
			return a.sinceBefore(id, c.Undoes)
		}
	}
	return 0
}

// Due implements mpblock.Store.
func (s *Store) Due(ctx context.Context, of mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var due []mpblock.DueEnd
	for app, a := range s.accounts {
		for id, end := range a.ends {
			if d := (mpblock.DueEnd{Until: end, AppID: app, OpenID: id}); (of == "" || of == app) && !end.After(until) && d.Compare(after) > 0 {
				due = append(due, d)
			}
		}
	}
	slices.SortFunc(due, mpblock.DueEnd.Compare)
	return due[:min(limit, len(due))], nil
}

// Blacklist implements mpblock.Store.
func (s *Store) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	if err := s.begin(ctx); err != nil {
		return mpblock.Page{}, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	return mpblock.Page{OpenIDs: a.blocked.page(after, limit), Total: len(a.blocked), Seq: a.seq()}, nil
}

// States implements mpblock.Store.
func (s *Store) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	states := make([]mpblock.State, len(ids))
	for i, id := range ids {
		states[i] = mpblock.State{Follower: a.followers.has(id), Blocked: a.blocked.has(id), Seq: a.last[id]}
		if states[i].Blocked {
			states[i].Since = a.since[id]
			states[i].Until = a.ends[id]
		}
	}
	return states, nil
}

// Erase implements mpblock.Store.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.accounts, app)
	return nil
}

// Close implements mpblock.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.closed = true
	return nil
}
