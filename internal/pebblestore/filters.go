package pebblestore

import (
	"context"
	"sync/atomic"

	"mpblock"
	"mpblock/internal/pebblestore/filter"
)

// Most OpenIDs of a batch are new to the account. So one that is written to much keeps in
// memory which it may know, and looks for no others in tables, nor in what it remembers.

// FilterShare is what part of the cache's size the filters of all accounts may take beside
// it, on Go's heap.
const FilterShare = 2

// An account gets a filter once it has looked for so many OpenIDs in tables that these
// look-ups have taken about as long as going over its list will.
const (
	filterAfter = 8 // times as many are on its list
	leastLooked = 128
)

// filtered is what an account has of a filter.
type filtered struct {
	filter atomic.Pointer[filter.Filter]
	looked atomic.Int64 // OpenIDs, since there was a filter last
}

// filterOf returns the account's filter for looking up so many OpenIDs, nil if it has none
// that is of use. h is the head, nil if it is not known.
func (s *Store) filterOf(app mpblock.AppID, a *account, h *head, ids int) *filter.Filter {
	f := a.filter.Load()
	if f.Use() {
		return f
	}
	after := int64(leastLooked)
	if h != nil {
		after = max(after, int64(h.total/filterAfter)) //nolint:gosec // it has counted what is in memory or on the disk
	}
	if a.looked.Add(int64(ids)) >= after && s.learning.CompareAndSwap(false, true) {
		a.looked.Store(0)
		go s.learn(app, a)
	}
	return nil
}

// learn makes an account's filter, one for all accounts at a time. What cannot be read now
// is learnt another time.
func (s *Store) learn(app mpblock.AppID, a *account) {
	defer s.learning.Store(false)
	if s.enter(context.Background()) != nil {
		return
	}
	defer s.inflight.Done()
	a.token <- struct{}{} // from here on each change is added
	h, err := s.headOf(app, a)
	var f *filter.Filter
	if err == nil {
		f = s.filters.New(int(h.total)) //nolint:gosec // as above
	}
	a.filter.Swap(f).GiveUp()
	<-a.token
	if f != nil {
		f.Read(s.db, app, s.stop)
	}
}
