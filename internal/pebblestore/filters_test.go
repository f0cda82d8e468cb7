package pebblestore

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/pebblestore/filter"
	"mpblock/internal/storetest"
)

// filtering has a filter made of each account now and then, and its memory run out.
type filtering struct {
	*Store
	n int
}

func (f *filtering) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	switch f.n++; {
	case f.n%16 == 0:
		f.account(app).filter.Load().GiveUp()
	case f.n%4 == 0:
		if err := f.db.Flush(); err != nil {
			return mpblock.Change{}, err
		}
		f.learn(app, f.account(app))
	}
	return f.Store.Apply(ctx, app, b)
}

func TestModelFiltered(t *testing.T) {
	var fs vfs.FS
	reopen := func() mpblock.Store { return &filtering{Store: openOn(t, fs)} }
	storetest.Model(t, func() mpblock.Store { fs = vfs.NewMem(); return reopen() }, reopen)
}

// An account that is written to gets a filter by itself, which knows what was blocked
// before, what was unblocked, and what is blocked while it is made.
func TestFilterComes(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	blocked := 0
	block := func(n int) {
		ids := make([]mpblock.OpenID, n)
		for i := range ids {
			ids[i] = mint(blocked + i)
		}
		blocked += n
		if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...)); err != nil || len(c.OpenIDs) != n {
			t.Fatal(len(c.OpenIDs), err)
		}
	}
	a := s.account(app)
	block(1000)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Unblock, mint(7))); err != nil {
		t.Fatal(err)
	}
	for !a.filter.Load().Use() {
		block(20)
	}
	f := a.filter.Load()
	for i := range blocked {
		if id := mint(i); !f.MayHold(&id) {
			t.Fatalf("the filter does not know %d of %d", i, blocked)
		}
	}
	block(20)
	if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1), mint(7), mint(blocked-1), mint(blocked))); err != nil || len(c.OpenIDs) != 2 {
		t.Error(c.OpenIDs, err)
	}
}

// Where there is no memory for a filter, look-ups are made in tables, and nobody tries for
// ever to make one.
func TestNoMemoryForFilters(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	s.filters = filter.NewMemory(1)
	for i := range 40 {
		if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(i), mint(i+1))); err != nil || len(c.OpenIDs) != 1+btoi(i == 0) {
			t.Fatal(c.OpenIDs, err)
		}
	}
	s.learn(app, s.account(app))
	if s.account(app).filter.Load() != nil {
		t.Error("a filter without memory")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
