package pebblestore

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
)

// acknowledgedBefore is how many OpenIDs are blocked before a backup begins: half of
// them in tables, half in the log.
const acknowledgedBefore = 40

// backedUp makes a store and has it copied to backups/day; meets is called at each
// operation on the copy's files, once acknowledgedBefore are blocked.
func backedUp(t *testing.T, disk *vfs.MemFS, meets func(op errorfs.Op) error) error {
	t.Helper()
	var mu sync.Mutex // merges of the store itself go on meanwhile
	begun := false
	begin := func(b bool) {
		mu.Lock()
		defer mu.Unlock()
		begun = b
	}
	s := openOn(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if !begun || !strings.Contains(op.Path, "backups") {
			return nil
		}
		return meets(op)
	})))
	for n := range acknowledgedBefore {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
			t.Fatal(err)
		}
		if n == acknowledgedBefore/2 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin(true)
	err := s.Backup(t.Context(), "backups/day")
	begin(false)
	return errors.Join(err, s.Close())
}

// wantWholeOrNone reads the backup, if there is one.
func wantWholeOrNone(t *testing.T, disk *vfs.MemFS, at int) (there bool) {
	t.Helper()
	if _, err := disk.Stat("backups/day"); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	s, err := Open("backups/day", Options{FS: disk, ReadOnly: true})
	if err != nil {
		t.Errorf("interrupted at operation %d, the backup does not open: %v", at, err)
		return true
	}
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0); err != nil || p.Total != acknowledgedBefore {
		t.Errorf("interrupted at operation %d, the backup holds %d of %d, %v", at, p.Total, acknowledgedBefore, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return true
}

// A backup that the power interrupts, at whatever operation on its files, is whole or
// has no name; nor does what is left hold the next one up.
func TestBackupIsWholeOrHasNoName(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	disk := vfs.NewCrashableMem()
	var left []*vfs.MemFS
	err := backedUp(t, disk, func(errorfs.Op) error {
		for _, unsynced := range []int{0, 50, 100} {
			rng := rand.New(rand.NewPCG(seed, uint64(len(left))))
			left = append(left, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng}))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !wantWholeOrNone(t, disk, -1) || len(left) < 60 {
		t.Fatalf("no backup, or not one of many operations: %d", len(left)/3)
	}
	for i, clone := range left {
		if wantWholeOrNone(t, clone, i/3) {
			continue
		}
		s := openOn(t, clone)
		if err := errors.Join(s.Backup(t.Context(), "backups/day"), s.Close()); err != nil {
			t.Errorf("after an interruption at operation %d: %v", i/3, err)
		}
		if !wantWholeOrNone(t, clone, i/3) {
			t.Errorf("after an interruption at operation %d: no backup", i/3)
		}
	}
}

// A disk that refuses any one operation on the copy's files, once or from then on,
// costs the backup and nothing else.
func TestBackupMeetsAnError(t *testing.T) {
	injected := errors.New("injected")
	for _, forGood := range []bool{false, true} {
		for at, done := 1, false; !done; at++ {
			disk, n := vfs.NewMem(), 0
			err := backedUp(t, disk, func(errorfs.Op) error {
				if n++; n == at || n > at && forGood {
					return injected
				}
				return nil
			})
			done = n < at
			there := wantWholeOrNone(t, disk, at)
			if done && (err != nil || !there) || err == nil && !there {
				t.Errorf("operation %d of %d: %v, a backup: %v", at, n, err, there)
			}
			if list, _ := disk.List("backups"); err != nil && !there && !forGood && len(list) > 0 {
				t.Errorf("operation %d of %d left %s", at, n, filepath.Join(list...))
			}
		}
	}
}
