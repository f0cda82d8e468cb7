package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/guard"
)

// faulty is a file system in memory that fails as it is told to.
type faulty struct {
	vfs.FS
	write, sync atomic.Pointer[error] // what writes, or syncs, fail with
}

func newFaulty() *faulty {
	f := &faulty{}
	f.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		var p *error
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			p = f.sync.Load()
		default:
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				p = f.write.Load()
			}
		}
		if p == nil {
			return nil
		}
		return *p
	}))
	return f
}

// soon asks until the answer is yes, or fails when that takes too long.
func soon(t *testing.T, what string, until func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !until(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s takes too long", what)
		}
	}
}

// A disk that refuses writes: changes fail, reads go on, and when it takes writes
// again all goes on by itself, with nothing lost.
func TestWritesAreRefused(t *testing.T) {
	tests := []struct {
		cause error
		words string
	}{
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EDQUOT, "the disk is full"},
		{errors.New("injected"), "the disk refuses to be written"},
	}
	for _, tt := range tests {
		t.Run(tt.cause.Error(), func(t *testing.T) {
			fs := newFaulty()
			s := openOn(t, fs)
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
				t.Fatal(err)
			}
			fs.write.Store(&tt.cause)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if _, err := s.Apply(ctx, app, batchOf(mpblock.Block, mint(2))); !errors.Is(err, tt.cause) {
				t.Fatalf("the first change that meets it: %v", err)
			}
			if err := s.Health(); err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("health: %v", err)
			}
			for _, write := range []func() error{
				func() error { _, err := s.Apply(ctx, app, batchOf(mpblock.Block, mint(3))); return err },
				func() error { _, err := s.AddFollowers(ctx, app, []mpblock.OpenID{mint(3)}); return err },
				func() error { _, err := s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key"}); return err },
				func() error { return s.Backup(ctx, "backup") },
			} {
				if err := write(); !errors.Is(err, tt.cause) {
					t.Errorf("a write: %v", err)
				}
			}
			if p, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 10); err != nil || len(p.OpenIDs) != p.Total || p.Total < 1 {
				t.Errorf("a page: %+v, %v", p, err)
			}
			fs.write.Store(nil)
			soon(t, "recovery", func() bool { return s.Health() == nil })
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(4))); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openOn(t, fs)
			st, err := s.States(t.Context(), app, []mpblock.OpenID{mint(1), mint(3), mint(4)})
			if err != nil || !st[0].Blocked || st[1].Blocked || !st[2].Blocked {
				t.Errorf("after it: %+v, %v", st, err)
			}
			sound(t, s)
		})
	}
}

// Flushes and compactions meet a full disk too, and must neither end the process
// nor lose anything.
func TestFlushOnAFullDisk(t *testing.T) {
	fs := newFaulty()
	s := openOn(t, fs)
	for n := range 50 {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
			t.Fatal(err)
		}
	}
	var full error = syscall.ENOSPC
	fs.write.Store(&full)
	flushed := make(chan error, 1)
	go func() { flushed <- s.db.Flush() }()
	soon(t, "trouble", func() bool { return s.Health() != nil })
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 100); err != nil || p.Total != 50 || len(p.OpenIDs) != 50 {
		t.Errorf("a page meanwhile: %+v, %v", p, err)
	}
	fs.write.Store(nil)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	sound(t, s)
}

// After a failed sync nobody knows what is on the disk: writes stay refused, even
// when the disk is well again, until the store is opened anew.
func TestSyncFails(t *testing.T) {
	fs := newFaulty()
	s := openOn(t, fs)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("injected")
	fs.sync.Store(&cause)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2))); !errors.Is(err, cause) {
		t.Fatalf("the first change that meets it: %v", err)
	}
	fs.sync.Store(nil)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(3))); !errors.Is(err, cause) {
		t.Errorf("a change when the disk is well again: %v", err)
	}
	if err := s.Health(); err == nil || !strings.Contains(err.Error(), "until the store is opened anew") {
		t.Errorf("health: %v", err)
	}
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); err != nil || p.Total < 1 {
		t.Errorf("a page: %+v, %v", p, err)
	}
	if err := s.Close(); !errors.Is(err, cause) {
		t.Errorf("close: %v", err)
	}
	s = openOn(t, fs)
	sound(t, s)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(4))); err != nil {
		t.Error(err)
	}
}

// Close does not wait for a disk that may never take writes again, and what is
// given up does not reach it later, when another process has the directory.
func TestCloseOnAFullDisk(t *testing.T) {
	fs := newFaulty()
	s := openOn(t, fs)
	var full error = syscall.ENOSPC
	fs.write.Store(&full)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, full) {
		t.Errorf("close: %v", err)
	}
	if _, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); !errors.Is(err, errClosed) {
		t.Errorf("a page after close: %v", err)
	}
	fs.write.Store(nil)
	s = openOn(t, fs)
	sound(t, s)
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); err != nil || p.Total != 0 {
		t.Errorf("what was given up came back: %+v, %v", p, err)
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	for n := range 100 {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), to); err == nil {
		t.Error("a second backup went over the first")
	}
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(100))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the backup is open to others: %v, %v", info.Mode(), err)
	}
	before := listing(t, to)
	copied := openWith(t, to, Options{ReadOnly: true})
	sound(t, copied)
	if p, err := copied.Blacklist(t.Context(), app, mpblock.OpenID{}, 0); err != nil || p.Total != 100 {
		t.Errorf("the backup holds %d, %v", p.Total, err)
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, to); after != before {
		t.Errorf("reading has changed the directory:\n%s\n%s", before, after)
	}
	if err := openIn(t, to).Close(); err != nil { // and it can be written, as a store of its own
		t.Error(err)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestOpenRefuses(t *testing.T) {
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	for _, dir := range []string{empty, missing} {
		if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, ErrNoStore) {
			t.Errorf("read-only on nothing: %v", err)
		}
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Error("to read a directory that is not there made it")
	}
	if l := listing(t, empty); l != "" {
		t.Errorf("to read an empty directory left %s", l)
	}

	foreign := t.TempDir()
	db, err := pebble.Open(foreign, &pebble.Options{Logger: guard.Logger{To: slog.New(slog.DiscardHandler)}})
	if err == nil {
		err = errors.Join(db.Set([]byte("key"), nil, pebble.Sync), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(foreign, Options{}); !errors.Is(err, ErrNoStore) {
		t.Errorf("another program's database: %v", err)
	}
}

// A store that was killed while it was first made opens.
func TestOpenAfterAnUnfinishedBeginning(t *testing.T) {
	dir := t.TempDir()
	db, err := pebble.Open(dir, &pebble.Options{Logger: guard.Logger{To: slog.New(slog.DiscardHandler)}})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	sound(t, openIn(t, dir))
}

func TestSweep(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	for key, expires := range map[string]time.Time{"dead": time.Now().Add(-time.Hour), "live": time.Now().Add(time.Hour), "eternal": {}} {
		if _, err := s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: key, Expires: expires}); err != nil {
			t.Fatal(err)
		}
	}
	s.sweep()
	for key, want := range map[string]bool{"dead": false, "live": true, "eternal": true} {
		if v, err := s.value(codec.RecordKey("kind", key)); err != nil || (v != nil) != want {
			t.Errorf("%s is there: %v, %v", key, v != nil, err)
		}
	}
}

// Requests are forgotten once their time has passed, and not before.
func TestSweepOfRequests(t *testing.T) {
	fs := vfs.NewMem()
	s := openOn(t, fs)
	one := []mpblock.OpenID{mint(1)}
	for key, ago := range map[string]time.Duration{"dead": mpblock.KeepRequests, "live": mpblock.KeepRequests - time.Minute, "new": 0} {
		b := batchOf(mpblock.Block, one...)
		b.Time, b.ID = time.Now().Add(-ago), mpblock.NewRequestID(key, nil)
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openOn(t, fs) // which has read no head yet
	s.sweepRequests()
	got, err := s.Requests(t.Context(), app, [16]byte{}, 10)
	if err != nil || len(got) != 2 {
		t.Errorf("%d requests are left, want 2, %v", len(got), err)
	}
	for _, r := range got {
		if r.ID == mpblock.NewRequestID("dead", nil) {
			t.Error("the dead one is left")
		}
	}
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); err != nil || p.Total != 1 || p.Seq != 1 {
		t.Errorf("the list after it: %+v, %v", p, err)
	}
	sound(t, s)
}

// A sweep copies none of the values that it goes over.
func TestSweepCopiesNoValues(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	const records, size = 32, 256 << 10
	for i := range records {
		r := mpblock.Record{Kind: "kind", Key: fmt.Sprint(i), Value: make([]byte, size), Expires: time.Now().Add(time.Hour)}
		if i%4 == 0 {
			r.Expires = time.Now().Add(-time.Hour)
		}
		if _, err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	least := uint64(math.MaxUint64)
	for range 5 { // what Pebble does in the background meanwhile counts too, now and then
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.sweep()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > records*size/4 {
		t.Errorf("a sweep over %d bytes of values took %d bytes of memory", records*size*3/4, least)
	}
	left := 0
	if err := s.eachRecord([]byte{codec.RecordKeys}, []byte{codec.RecordKeys + 1}, func([]byte, []byte, mpblock.Record) bool { left++; return true }); err != nil || left != records*3/4 {
		t.Errorf("%d records are left, want %d, %v", left, records*3/4, err)
	}
}

func TestDamagedValues(t *testing.T) {
	s := openOn(t, vfs.NewMem())
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Set(codec.ChangeKey(app, 1), []byte{2, 1, 0x80}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Changes(t.Context(), app, 0, 10); !errors.Is(err, codec.ErrDamaged) {
		t.Errorf("changes: %v", err)
	}
	if _, err := check.Account(t.Context(), s, app); err == nil {
		t.Error("a damaged change passed the check")
	}
}

// A store that is only read says the same after a write that it refused.
func TestReadOnlyRefusesWrites(t *testing.T) {
	fs := vfs.NewMem()
	s := openOn(t, fs)
	_, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(1)})
	if err == nil {
		_, err = s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1)))
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, "data", Options{FS: fs, ReadOnly: true})
	for _, write := range []func() error{
		func() error { _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(2))); return err },
		func() error { _, err := s.Apply(t.Context(), app, batchOf(mpblock.Unblock, mint(1))); return err },
		func() error { _, err := s.AddFollowers(t.Context(), app, []mpblock.OpenID{mint(2)}); return err },
		func() error { _, err := s.RemoveFollowers(t.Context(), app, []mpblock.OpenID{mint(1)}); return err },
		func() error { _, err := s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: "key"}); return err },
	} {
		if err := write(); !errors.Is(err, pebble.ErrReadOnly) {
			t.Errorf("a write: %v", err)
		}
		for _, page := range []func(context.Context, mpblock.AppID, mpblock.OpenID, int) (mpblock.Page, error){s.Blacklist, s.Followers} {
			for _, limit := range []int{0, 9} {
				if p, err := page(t.Context(), app, mpblock.OpenID{}, limit); err != nil || p.Total != 1 || p.Seq != 1 {
					t.Errorf("a page after it, limit %d: %d, seq %d, %v", limit, p.Total, p.Seq, err)
				}
			}
		}
	}
}
