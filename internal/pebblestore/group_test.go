package pebblestore

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
)

// together has batches applied in one group, in their order: they wait while the
// account's lock is taken, behind one of their own. answers are those of the batches.
func together(t *testing.T, s *Store, between func(), batches ...mpblock.Batch) ([]mpblock.Change, []error) {
	t.Helper()
	a := s.account(app)
	a.token <- struct{}{}
	var wg sync.WaitGroup
	changes, errs := make([]mpblock.Change, len(batches)), make([]error, len(batches))
	wg.Go(func() { // it leads, alone
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Unblock, mint(-1))); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	for i, b := range batches {
		wg.Go(func() { changes[i], errs[i] = s.Apply(t.Context(), app, b) })
		synctest.Wait()
	}
	if between != nil {
		between()
	}
	<-a.token
	wg.Wait()
	return changes, errs
}

// What has been applied is not held by the queue that it waited in.
func TestAppliedBatchesAreFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, vfs.NewMem())
		var waited []*request
		a := s.account(app)
		together(t, s, func() { waited = a.queue }, batchOf(mpblock.Block, mint(1)), batchOf(mpblock.Block, mint(2)))
		if len(waited) != 2 {
			t.Fatalf("%d batches waited, want 2", len(waited))
		}
		for i, r := range waited {
			if r != nil {
				t.Errorf("batch %d is held", i)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Batches that are applied together answer as if they were applied one after the
// other, and leave the same.
func TestGroupIsOneAfterTheOther(t *testing.T) {
	known := func(b mpblock.Batch) mpblock.Batch { b.Known = true; return b }
	since := func(b mpblock.Batch, seq uint64) mpblock.Batch { b.UnchangedSince = seq; return b }
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, vfs.NewMem())
		if _, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(1)}); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			batch mpblock.Batch
			seq   uint64
			took  []mpblock.OpenID
			err   error
		}{
			{batch: batchOf(mpblock.Block, mint(2), mint(2)), seq: 1, took: []mpblock.OpenID{mint(2)}},
			{batch: known(batchOf(mpblock.Block, mint(1), mint(2), mint(3))), err: &mpblock.UnknownError{Index: 2}},
			{batch: batchOf(mpblock.Block, mint(2))},
			{batch: known(batchOf(mpblock.Unblock, mint(2), mint(1))), seq: 2, took: []mpblock.OpenID{mint(2)}},
			{batch: known(batchOf(mpblock.Block, mint(1), mint(2))), err: &mpblock.UnknownError{Index: 1}},
			{batch: since(batchOf(mpblock.Block, mint(2)), 1)},
			{batch: since(batchOf(mpblock.Block, mint(2)), 2), seq: 3, took: []mpblock.OpenID{mint(2)}},
			{batch: since(batchOf(mpblock.Unblock, mint(2)), 2)},
			{batch: known(batchOf(mpblock.Unblock, mint(2))), seq: 4, took: []mpblock.OpenID{mint(2)}},
		}
		batches := make([]mpblock.Batch, len(tests))
		for i := range tests {
			batches[i] = tests[i].batch
		}
		changes, errs := together(t, s, nil, batches...)
		for i, tt := range tests {
			if fmt.Sprint(errs[i]) != fmt.Sprint(tt.err) || changes[i].Seq != tt.seq || fmt.Sprint(changes[i].OpenIDs) != fmt.Sprint(tt.took) {
				t.Errorf("batch %d: change %d of %v, %v", i, changes[i].Seq, changes[i].OpenIDs, errs[i])
			}
		}
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
