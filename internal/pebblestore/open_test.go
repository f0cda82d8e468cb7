package pebblestore

import (
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
)

// mergeWatch tells when a merge begins to write its first table.
type mergeWatch struct {
	vfs.FS
	once  sync.Once
	began chan struct{}
}

func (f *mergeWatch) Unwrap() vfs.FS { return f.FS }

func (f *mergeWatch) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if c == "pebble-compaction" {
		f.once.Do(func() { close(f.began) })
	}
	return f.FS.Create(name, c)
}

// A start does not wait for merges that are due, as they are after a crash under load:
// they run once it is open and the next table is written.
func TestOpenWaitsForNoMerge(t *testing.T) {
	watch := &mergeWatch{FS: vfs.NewMem(), began: make(chan struct{})}
	open := func(merging bool) *Store {
		o := Options{FS: watch}.withDefaults()
		s := newStore("data", o)
		cache := pebble.NewCache(o.CacheSize)
		defer cache.Unref()
		options := s.options(o, cache)
		options.DisableAutomaticCompactions = !merging
		db, err := pebble.Open("data", options)
		if err != nil {
			t.Fatal(err)
		}
		s.db = db
		return s
	}
	block := func(s *Store, n int) {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n), mint(1000-n))); err != nil {
			t.Fatal(err)
		}
	}
	table := func(s *Store, n int) {
		block(s, n)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(false)
	for n := range mergeBehind + 2 {
		table(s, n)
	}
	block(s, 100) // in the log alone
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(true)
	select {
	case <-watch.began:
		t.Error("tables were merged before the store was open")
	default:
	}
	s.opened.Store(true)
	table(s, 101)
	<-watch.began
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
