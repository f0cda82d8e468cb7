package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
	"mpblock/internal/datadir"
)

// quotaFS is a file system with room for so many bytes more. As a real one does,
// it writes what still fits before it refuses the rest.
type quotaFS struct {
	vfs.FS
	mu   sync.Mutex
	room int
}

func (q *quotaFS) set(room int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.room = room
}

func (q *quotaFS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &quotaFile{File: f, quota: q}, nil
}

func (q *quotaFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return q.file(q.FS.Create(name, c))
}

func (q *quotaFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return q.file(q.FS.ReuseForWrite(from, to, c))
}

type quotaFile struct {
	vfs.File
	quota *quotaFS
}

func (f *quotaFile) Write(p []byte) (int, error) {
	f.quota.mu.Lock()
	defer f.quota.mu.Unlock()
	fits := min(len(p), f.quota.room)
	n, err := f.File.Write(p[:fits])
	f.quota.room -= n
	if err == nil && fits < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

// fill blocks OpenIDs, from several writers, until each of them is refused, and
// returns those that were acknowledged.
func fill(t *testing.T, s *Store, from int) []mpblock.OpenID {
	t.Helper()
	const writers, most = 4, 10_000
	var mu sync.Mutex
	var blocked []mpblock.OpenID
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := w; n < most; n += writers {
				id := mint(from + n)
				_, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, id))
				if errors.Is(err, syscall.ENOSPC) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				blocked = append(blocked, id)
				mu.Unlock()
			}
			t.Error("the disk was never full")
		})
	}
	wg.Wait()
	return blocked
}

func wantBlocked(t *testing.T, s *Store, ids []mpblock.OpenID) {
	t.Helper()
	states, err := s.States(t.Context(), app, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, st := range states {
		if !st.Blocked {
			t.Errorf("%s was acknowledged and lost", ids[i])
		}
	}
}

// A disk that fills up in the middle of a write, and gets space again: the log
// goes on at the very byte where it stopped.
func TestDiskFillsUp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	disk := &quotaFS{FS: vfs.NewMem(), room: 1 << 20}
	s := openOn(t, disk)
	var blocked []mpblock.OpenID
	for round := range 6 {
		disk.set(5_000 + random.IntN(10_000))
		blocked = append(blocked, fill(t, s, round*10_000)...)
		if s.Health() == nil {
			t.Error("a full disk is well")
		}
		wantBlocked(t, s, blocked)
		disk.set(1 << 20)
		soon(t, "recovery", func() bool { return s.Health() == nil })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openOn(t, disk)
	wantBlocked(t, s, blocked)
	sound(t, s)
}

// The power is cut while a write is held: its first half is on the disk.
func TestPowerLossOnAFullDisk(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var blocked []mpblock.OpenID
	mem := vfs.NewCrashableMem()
	for round := range 6 {
		disk := &quotaFS{FS: mem, room: 1 << 20}
		s := openOn(t, disk)
		disk.set(5_000 + random.IntN(10_000))
		blocked = append(blocked, fill(t, s, round*10_000)...)
		mem = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: rand.New(rand.NewPCG(random.Uint64(), 0))})
		if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("close: %v", err)
		}
		s = openOn(t, mem)
		wantBlocked(t, s, blocked)
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A store whose disk is full, or fails, from any write or sync of its opening on
// says so, neither waits nor ends the process, and lets go of the directory.
func TestOpenOnAFullDisk(t *testing.T) {
	for _, holds := range []int{0, 5} {
		for allowed, opened := 0, false; !opened; allowed++ {
			t.Run(fmt.Sprintf("changes=%d/writes=%d", holds, allowed), func(t *testing.T) {
				opened = openAndFail(t, holds, allowed)
			})
		}
	}
}

// openAndFail opens a store on a disk that takes so many writes, and tells whether
// that was enough.
func openAndFail(t *testing.T, holds, allowed int) bool {
	mem := vfs.NewMem()
	for n := range holds {
		s := openOn(t, mem)
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var writes atomic.Int64
	var full atomic.Bool
	full.Store(true)
	disk := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1) > int64(allowed) {
			return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}))
	s, err := Open("data", Options{FS: disk})
	full.Store(false)
	opened := err == nil
	if !opened {
		if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, datadir.ErrInUse) {
			t.Fatalf("open: %v", err)
		}
		s = openOn(t, disk)
	}
	soon(t, "recovery", func() bool { return s.Health() == nil })
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); err != nil || p.Total != holds {
		t.Errorf("with space again: %+v, %v", p, err)
	}
	sound(t, s)
	return opened
}

// A backup, like every write, ends with its context.
func TestBackupEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		release := make(chan struct{})
		s := openOn(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if slow.Load() && op.Kind == errorfs.OpFileSyncData {
				<-release
			}
			return nil
		})))
		slow.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Backup(ctx, "backup") }()
		synctest.Wait() // for the disk
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("backup: %v", err)
		}
		slow.Store(false)
		close(release)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What a failed Open leaves behind never reaches the disk again, where another
// process may have the directory by then.
func TestOpenGivesUpForGood(t *testing.T) {
	o := Options{FS: &quotaFS{FS: vfs.NewMem()}}.withDefaults()
	s := newStore("data", o)
	if err := s.openOrGiveUp(o, false); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	select {
	case <-s.fs.Abandoned():
	default:
		t.Error("it may still write")
	}
}

// A write that is under way when the store is given up is answered, though it never
// ends and the disk may be well by then.
func TestGivenUpWritesAreAnswered(t *testing.T) {
	var slow atomic.Bool
	s, err := Open("data", Options{FS: errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData && slow.Load() {
			select {}
		}
		return nil
	}))})
	if err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := s.Apply(ctx, app, batchOf(mpblock.Block, mint(1)))
		answer <- err
	}()
	soon(t, "the write", func() bool {
		st, err := s.States(ctx, app, []mpblock.OpenID{mint(1)})
		return err == nil && st[0].Blocked
	})
	s.fs.Abandon()
	if err := <-answer; !errors.Is(err, errClosed) {
		t.Errorf("the write: %v", err)
	}
}
