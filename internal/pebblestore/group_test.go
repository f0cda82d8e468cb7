package pebblestore

import (
	"context"
	"errors"
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
	since := func(b mpblock.Batch, seq uint64) mpblock.Batch { b.Undoes = seq; return b }
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

// Of a batch whose caller has left while it waited nothing is written; the others
// are answered as if it had never been there.
func TestWhoLeavesTheQueueChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, vfs.NewMem())
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		changes, errs := together(t, s, func() {
			go func() {
				_, err := s.Apply(ctx, app, batchOf(mpblock.Block, mint(1), mint(2)))
				left <- err
			}()
			synctest.Wait()
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) { // at once, whatever holds the others up
				t.Errorf("who left: %v", err)
			}
			go func() {
				_, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2), mint(3)))
				left <- err
			}()
			synctest.Wait()
		}, batchOf(mpblock.Block, mint(3)))
		if err := errors.Join(errs[0], <-left); err != nil || changes[0].Seq != 1 {
			t.Errorf("who stayed: %+v, %v", changes[0], err)
		}
		p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 9)
		st, err2 := s.States(t.Context(), app, []mpblock.OpenID{mint(1), mint(2)})
		if errors.Join(err, err2) != nil || p.Total != 2 || p.Seq != 2 || st[0].Blocked || st[1].Seq != 2 {
			t.Errorf("a page of %d, seq %d, and %+v", p.Total, p.Seq, st)
		}
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Close waits for what is in the queue; nothing of it is lost.
func TestCloseWaitsForTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		s := openOn(t, fs)
		closed := make(chan error, 1)
		changes, errs := together(t, s, func() {
			go func() { closed <- s.Close() }()
			synctest.Wait()
			select {
			case err := <-closed:
				t.Errorf("close has not waited: %v", err)
			default:
			}
		}, batchOf(mpblock.Block, mint(1)), batchOf(mpblock.Block, mint(2)))
		for i, err := range append(errs, <-closed) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		s = openOn(t, fs)
		log, err := s.Changes(t.Context(), app, 0, 9)
		if err != nil || fmt.Sprint(log) != fmt.Sprint(changes) {
			t.Errorf("acknowledged %+v, kept %+v, %v", changes, log, err)
		}
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What a batch found before the lock was taken counts no more where it may have
// changed since: followers come and go, and the batch in front unblocks.
func TestFoundBeforeIsNotTrueAnyMore(t *testing.T) {
	known := func(action mpblock.Action, n int) mpblock.Batch {
		b := batchOf(action, mint(n))
		b.Known = true
		return b
	}
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, vfs.NewMem())
		_, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(1)})
		_, err2 := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2)))
		err3 := s.db.Flush()
		_, err4 := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(3))) // in no table yet
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		changes, errs := together(t, s, func() {
			for _, do := range []func() error{
				func() error { _, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(4)}); return err },
				func() error { _, err := s.RemoveFollowers(t.Context(), app, []mpblock.OpenID{mint(1)}); return err },
			} {
				go func() {
					if err := do(); err != nil {
						t.Error(err)
					}
				}()
				synctest.Wait() // for the lock, in front of the group
			}
		}, batchOf(mpblock.Block, mint(3)), batchOf(mpblock.Unblock, mint(2)), known(mpblock.Block, 2), known(mpblock.Block, 1), known(mpblock.Block, 4))
		for i, want := range []struct {
			seq uint64
			err bool
		}{{0, false}, {3, false}, {0, true}, {0, true}, {4, false}} {
			if changes[i].Seq != want.seq || errors.As(errs[i], new(*mpblock.UnknownError)) != want.err {
				t.Errorf("batch %d: %+v, %v", i, changes[i], errs[i])
			}
		}
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A group takes what is at the head of the queue, no more than maxGroup OpenIDs of it,
// but at least one batch.
func TestGroupsAreBounded(t *testing.T) {
	var a account
	sizes := []int{maxGroup, 1, maxGroup - 1, 1, maxGroup, 1}
	for _, n := range sizes {
		a.queue = append(a.queue, &request{ids: make([]mpblock.OpenID, n)})
	}
	for i, want := range []int{1, 2, 1, 1, 1} {
		if got := len(a.next()); got != want {
			t.Errorf("group %d has %d batches, want %d", i, got, want)
		}
	}
}
