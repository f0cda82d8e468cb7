package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/pebblestore/recent"
)

// A change of the followers is counted too where a reader has seen the head between
// the write and its writer's telling of it: what a batch found before is then not
// true any more.
func TestFollowerChangesAreCounted(t *testing.T) {
	a := newAccount()
	for n, followers := range []uint64{2, 1, 0} {
		a.head.followers = followers
		if n == 0 {
			a.visible.Store(&head{followers: followers})
		}
		a.seen()
		if got := a.followerChanges.Load(); got != uint64(n)+1 {
			t.Errorf("%d changes were counted, want %d", got, n+1)
		}
	}
	a.head.seq++
	a.seen()
	if got := a.followerChanges.Load(); got != 3 {
		t.Errorf("a change of the blacklist counts: %d, want 3", got)
	}
	if h := a.visible.Load(); h.followers != 0 || h.seq != 1 {
		t.Errorf("readers see %+v", h)
	}
}

// A change that was written to a table, and forgotten, after a batch had looked in the
// tables counts for that batch.
func TestTablesAreWrittenMeanwhile(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
		t.Fatal(err)
	}
	a, ids := s.account(app), []mpblock.OpenID{mint(1)}
	before, err := s.find(app, a, ids, false, true)
	if err != nil || before.last[0].Blocked {
		t.Fatalf("in the tables: %+v, %v", before, err)
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	s.forgetRecent()
	a.token <- struct{}{}
	defer func() { <-a.token }()
	if _, still := a.recent.Of(&ids[0]); still || len(a.recent.All) != 0 {
		t.Error("nothing was forgotten")
	}
	if now, err := s.current(app, a, ids, false, before); err != nil || now.last[0] != (recent.Last{Seq: 1, Blocked: true}) {
		t.Errorf("found %+v, %v", now, err)
	}
}
