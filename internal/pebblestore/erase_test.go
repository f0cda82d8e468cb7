package pebblestore

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// other is an account beside the one that is erased.
const other mpblock.AppID = "wx0123456789abcdf0"

// lists returns how many followers, entries and changes an account has.
func lists(t *testing.T, s *Store, app mpblock.AppID) (counts [3]int) {
	t.Helper()
	f, err := s.Followers(t.Context(), app, mpblock.OpenID{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	log, err := s.Changes(t.Context(), app, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return [3]int{f.Total, b.Total, len(log)}
}

func mustErase(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Erase(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

// crashing is a file system of which a copy is taken, as after a loss of power, before
// one of the operations that write.
type crashing struct {
	vfs.FS
	disk *vfs.MemFS

	mu    sync.Mutex
	left  int // operations until then; 0: none is to come
	clone *vfs.MemFS
}

func newCrashing(seed uint64) *crashing {
	c := &crashing{disk: vfs.NewCrashableMem()}
	c.FS = errorfs.Wrap(c.disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.left > 0 && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			if c.left--; c.left == 0 {
				c.clone = c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 0))})
			}
		}
		return nil
	}))
	return c
}

// arm has a copy taken before the nth operation from now on, and taken returns it.
func (c *crashing) arm(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = n
}

func (c *crashing) taken() *vfs.MemFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = 0
	return c.clone
}

// An account is erased, and the power is cut before each of the operations that this
// takes: then all of it is there or nothing, and to erase it again ends it.
func TestEraseAndPowerLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	whole, none := [3]int{4, 3, 2}, [3]int{}
	seen := map[[3]int]bool{}
	for n := 1; ; n++ {
		fs := newCrashing(seed + uint64(n))
		s := openOn(t, fs)
		for _, a := range []mpblock.AppID{app, other} {
			begin(t, s, a, n%2 == 0)
		}
		fs.arm(n)
		mustErase(t, s)
		clone := fs.taken()
		if lists(t, s, app) != none || lists(t, s, other) != whole {
			t.Fatalf("after it: %v, the other account %v", lists(t, s, app), lists(t, s, other))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if clone == nil { // all of it was done before
			clone = fs.disk.CrashClone(vfs.CrashCloneCfg{})
		}
		s = openOn(t, clone)
		got := lists(t, s, app)
		if seen[got] = true; got != whole && got != none || lists(t, s, other) != whole {
			t.Fatalf("cut before operation %d: %v, the other account %v", n, got, lists(t, s, other))
		}
		sound(t, s)
		mustErase(t, s)
		if lists(t, s, app) != none {
			t.Fatalf("erased again: %v", lists(t, s, app))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if fs.taken() == nil {
			if got != none {
				t.Errorf("an account that was erased is back: %v", got)
			}
			break
		}
	}
	if !seen[whole] || !seen[none] {
		t.Errorf("met only %v", seen)
	}
}

// begin gives an account 4 followers, and 3 entries by 2 changes.
func begin(t *testing.T, s *Store, app mpblock.AppID, flush bool) {
	t.Helper()
	if _, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(1), mint(2), mint(3), mint(4)}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []mpblock.Batch{batchOf(mpblock.Block, mint(1), mint(2), mint(3), mint(4)), batchOf(mpblock.Unblock, mint(2))} {
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
		if flush {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What is erased is off the disk: no table has any of it.
func TestErasedIsOffTheDisk(t *testing.T) {
	fs := vfs.NewMem()
	s := openOn(t, fs)
	begin(t, s, app, true)
	mustErase(t, s)
	tables, err := s.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range tables {
		for _, table := range level {
			if !bytes.Equal(table.Largest.UserKey, codec.VersionKey) {
				t.Errorf("a table from %q to %q", table.Smallest.UserKey, table.Largest.UserKey)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
