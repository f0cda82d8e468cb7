package pebblestore

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
)

// Each start leaves a table of what the run before has written, all over each other. A
// store that was opened many times for little takes writes as any other.
func TestManyShortRuns(t *testing.T) {
	fs := vfs.NewMem()
	for n := range 2 * mergeBehind {
		s, err := Open("data", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(-n-1))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open("data", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]mpblock.OpenID, mpblock.MaxWrite)
	for i := range ids {
		ids[i] = mint(i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} { // more than the first memory table takes
		if _, err := s.Apply(ctx, app, batchOf(action, ids...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// mergeHeld lets no merge write a table before it is let go.
type mergeHeld struct {
	vfs.FS
	letGo chan struct{}
}

func (f *mergeHeld) Unwrap() vfs.FS { return f.FS }

func (f *mergeHeld) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if c == "pebble-compaction" {
		<-f.letGo
	}
	return f.FS.Create(name, c)
}

// A store opens while a merge of its tables is due and under way, and is read.
func TestOpenWaitsForNoMerge(t *testing.T) {
	fs := vfs.NewMem()
	s := openOn(t, fs) // which gives it its version
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := Options{FS: fs}.withDefaults()
	cache := pebble.NewCache(o.CacheSize)
	defer cache.Unref()
	s = newStore("data", o)
	unmerged := s.options(o, cache)
	unmerged.DisableAutomaticCompactions = true
	var err error
	if s.db, err = pebble.Open("data", unmerged); err != nil {
		t.Fatal(err)
	}
	block := func(n int) {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n), mint(1000-n))); err != nil {
			t.Fatal(err)
		}
	}
	for n := range mergeBehind + 1 {
		block(n)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	block(100) // in the log alone
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	held := &mergeHeld{FS: fs, letGo: make(chan struct{})}
	s = openOn(t, held)
	p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 1000)
	if err != nil || len(p.OpenIDs) != 2*(mergeBehind+2) {
		t.Error(len(p.OpenIDs), err)
	}
	close(held.letGo)
}
