package merges

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// watch tells when a merge writes its first table.
type watch struct {
	vfs.FS
	once  sync.Once
	began chan struct{}
}

func (w *watch) Unwrap() vfs.FS { return w.FS }

func (w *watch) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if c == "pebble-compaction" {
		w.once.Do(func() { close(w.began) })
	}
	return w.FS.Create(name, c)
}

const behind = 4 // tables over each other that are due to be merged

func open(t *testing.T, fs vfs.FS, merging bool, s pebble.CompactionScheduler) *pebble.DB {
	t.Helper()
	o := &pebble.Options{FS: fs, DisableAutomaticCompactions: !merging, L0CompactionThreshold: behind, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}}
	o.Experimental.CompactionScheduler = s
	db, err := pebble.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}

// put writes some keys, which are in the log alone until there is a table of them.
func put(t *testing.T, db *pebble.DB, table bool) {
	t.Helper()
	for k := range 10 {
		if err := db.Set(fmt.Append(nil, k), nil, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if table {
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func closed(t *testing.T, db *pebble.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A merge that is due when the database is opened runs once it is let to, though nothing is
// written any more; and so does each that becomes due later.
func TestNoMergeBeforeBegin(t *testing.T) {
	w := &watch{FS: vfs.NewMem(), began: make(chan struct{})}
	db := open(t, w, false, nil)
	for range behind + 1 {
		put(t, db, true)
	}
	put(t, db, false)
	closed(t, db)

	s := new(Scheduler)
	db = open(t, w, true, s)
	put(t, db, true) // has Pebble look for merges again
	if n := db.Metrics().Compact.NumInProgress; n != 0 || db.Metrics().Compact.Count != 0 {
		t.Errorf("%d merges run before they may", n)
	}
	s.Begin()
	<-w.began
	for db.Metrics().Levels[0].Sublevels >= behind {
		put(t, db, true)
	}
	closed(t, db)
}

// A database that takes no offer is made another if it was told to wait meanwhile.
func TestRefusedMeanwhile(t *testing.T) {
	s := new(Scheduler)
	db := &chooser{s: s}
	s.Register(1, db)
	s.Begin()
	if db.offered != 2 {
		t.Errorf("%d offers, want 2", db.offered)
	}
	db.grant.Done()
	if db.offered != 3 {
		t.Errorf("%d offers once the merge was over, want 3", db.offered)
	}
	s.Unregister()
	if ok, _ := s.TrySchedule(); ok {
		t.Error("a merge may begin while the database is closed")
	}
}

// chooser takes the second offer, and asks by itself during the first.
type chooser struct {
	pebble.DBForCompaction
	s       *Scheduler
	offered int
	grant   pebble.CompactionGrantHandle
}

func (c *chooser) Schedule(g pebble.CompactionGrantHandle) bool {
	c.offered++
	if c.offered == 1 {
		if ok, _ := c.s.TrySchedule(); ok {
			panic("two at a time")
		}
	}
	c.grant = g
	return c.offered == 2
}
