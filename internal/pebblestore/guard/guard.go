// Package guard stands between Pebble and the disk.
//
// Pebble ends the process when a write to its log or its manifest fails, and cannot go
// on after one. So it never sees such a failure: the guard holds a write that fails,
// and tries it again until it succeeds. What waits for that write waits as long; what
// comes new is to be refused, by Health, before it reaches Pebble. A failed sync is not
// tried again, since a second one may succeed without having written what the first
// one lost: it is held for ever.
package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock/internal/datadir"
)

// Pauses between two tries of a write that the disk refuses.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// guard knows whether the disk takes writes.
type guard struct {
	log       *slog.Logger
	mu        sync.Mutex
	held      int           // writes that are being tried again
	cause     error         // why, of the last of them
	failed    error         // of a sync
	gone      error         // why what is written now is lost
	stalled   error         // why writers would wait for ever
	alarm     chan struct{} // closed while writes are refused
	abandoned chan struct{} // closed when nothing may be written any more
}

// Health tells why writes are refused, nil if they are not.
func (g *guard) Health() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.gone != nil:
		return fmt.Errorf("pebblestore: writes are refused until the process is started again: %w", g.gone)
	case g.failed != nil:
		return fmt.Errorf("pebblestore: a sync of the disk failed, so what is on it is not known: writes are refused until the store is opened anew: %w", g.failed)
	case g.stalled != nil:
		return fmt.Errorf("pebblestore: writes are refused, since tables of the store can no longer be merged: %w", g.stalled)
	case g.held > 0 && (errors.Is(g.cause, syscall.ENOSPC) || errors.Is(g.cause, syscall.EDQUOT)):
		return fmt.Errorf("pebblestore: the disk is full: writes are refused until there is space again: %w", g.cause)
	case g.held > 0:
		return fmt.Errorf("pebblestore: the disk refuses to be written: writes are refused until it takes them again: %w", g.cause)
	}
	return nil
}

// Trouble returns a channel that is closed while, or as soon as, writes are
// refused.
func (g *guard) Trouble() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.alarm
}

// Abandon lets nothing reach the disk any more.
func (g *guard) Abandon() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.abandoned)
}

// refuses tells whether writes are refused. The caller holds the lock.
func (g *guard) refuses() bool {
	return g.held > 0 || g.failed != nil || g.gone != nil || g.stalled != nil
}

// Lose has writes refused for ever.
func (g *guard) Lose(cause error) {
	g.log.Error("what is written now would be lost: nothing is until the process is started again", "error", cause)
	g.refuse(&g.gone, cause)
}

// refuse has writes refused for ever, for what is kept as the reason.
func (g *guard) refuse(reason *error, cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.refuses() {
		close(g.alarm)
	}
	*reason = cause
}

func (g *guard) hold(cause error, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.refuses()
	g.held += n
	if cause != nil {
		g.cause = cause
	}
	switch now := g.refuses(); {
	case now && !was:
		g.log.Error("the disk refuses writes: none is made until it takes them again", "error", cause)
		close(g.alarm)
	case was && !now:
		g.log.Info("the disk takes writes again")
		g.alarm = make(chan struct{})
	}
}

// Abandoned returns a channel that is closed when nothing may be written any more:
// what is held back then is held for ever.
func (g *guard) Abandoned() <-chan struct{} { return g.abandoned }

// Stall has writes refused for as long as writers would wait for ever; nil: they do not.
func (g *guard) Stall(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.refuses()
	g.stalled = cause
	switch now := g.refuses(); {
	case now && !was:
		close(g.alarm)
	case was && !now:
		g.alarm = make(chan struct{})
	}
}

// pass keeps what was abandoned from the disk.
func (g *guard) pass() {
	select {
	case <-g.abandoned:
		select {} // another process may have the directory now
	default:
	}
}

// write runs a write to the disk until it succeeds.
func (g *guard) write(op func() error) error {
	g.pass()
	err := op()
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	g.hold(err, 1)
	for pause := firstPause; err != nil; pause = min(2*pause, maxPause) {
		select {
		case <-time.After(pause):
		case <-g.abandoned:
		}
		g.pass()
		if err = op(); err != nil {
			g.hold(err, 0)
		}
	}
	g.hold(nil, -1)
	return nil
}

// sync runs a sync of the disk. If it fails, it never returns.
func (g *guard) sync(op func() error) error {
	g.pass()
	err := op()
	if err == nil {
		return nil
	}
	g.log.Error("a sync of the disk failed: nothing is written until the process is started again", "error", err)
	g.refuse(&g.failed, err)
	select {}
}

// FS guards the files of one directory.
type FS struct {
	vfs.FS
	*guard
	ReadOnly bool // nothing is to be written, and nothing locked that cannot be
	dir      string

	locking sync.Mutex
	lock    io.Closer
}

// New returns the files of a directory, guarded.
func New(on vfs.FS, dir string, log *slog.Logger, readOnly bool) *FS {
	g := &guard{log: log, alarm: make(chan struct{}), abandoned: make(chan struct{})}
	return &FS{FS: on, guard: g, dir: dir, ReadOnly: readOnly}
}

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return f.FS }

// mine tells whether a file is the store's: those of a backup are not, and their
// errors go back to who asked for it.
func (f *FS) mine(name string) bool { return filepath.Dir(name) == filepath.Clean(f.dir) }

func (f *FS) write(name string, op func() error) error {
	if !f.mine(name) {
		return op()
	}
	return f.guard.write(op)
}

func (f *FS) open(name string, op func() (vfs.File, error)) (file vfs.File, err error) {
	err = f.write(name, func() error {
		file, err = op()
		return err
	})
	if err != nil || !f.mine(name) {
		return file, err
	}
	return &guardedFile{File: file, guard: f.guard}, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.open(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(newname, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, c) })
}

// OpenDir implements vfs.FS; directories are opened to be synced.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil || filepath.Clean(name) != filepath.Clean(f.dir) {
		return file, err
	}
	return &guardedFile{File: file, guard: f.guard}, nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	return f.write(newname, func() error { return f.FS.Link(oldname, newname) })
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	return f.write(newname, func() error { return f.FS.Rename(oldname, newname) })
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.pass()
	return f.FS.Remove(name)
}

// MkdirAll implements vfs.FS. Data and backups hold keys: they are their owner's.
func (f *FS) MkdirAll(dir string, _ os.FileMode) error { return f.FS.MkdirAll(dir, 0o700) }

// Lock implements vfs.FS. A store that is only read needs no lock of its own, but
// must see that of a writer.
func (f *FS) Lock(name string) (io.Closer, error) {
	if f.ReadOnly {
		if _, err := f.Stat(name); err != nil {
			return nothing{}, nil // no lock file, no writer
		}
	}
	c, err := datadir.Lock(f.FS, name)
	switch {
	case err == nil:
	case f.ReadOnly && !errors.Is(err, datadir.ErrInUse) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
		return nothing{}, nil
	default:
		return nil, err
	}
	f.locking.Lock()
	defer f.locking.Unlock()
	f.lock = c
	return unlocker{f}, nil
}

// Unlock releases the directory.
func (f *FS) Unlock() error {
	f.locking.Lock()
	defer f.locking.Unlock()
	if f.lock == nil {
		return nil
	}
	c := f.lock
	f.lock = nil
	return c.Close()
}

type unlocker struct{ fs *FS }

func (u unlocker) Close() error { return u.fs.Unlock() }

type nothing struct{}

func (nothing) Close() error { return nil }

// guardedFile is a file that is written.
type guardedFile struct {
	vfs.File
	guard *guard
}

// Write implements vfs.File. It goes on behind what a failed try has written.
func (f *guardedFile) Write(p []byte) (int, error) {
	done := 0
	err := f.guard.write(func() error {
		n, err := f.File.Write(p[done:])
		done += n
		return err
	})
	return done, err
}

// WriteAt implements vfs.File.
func (f *guardedFile) WriteAt(p []byte, off int64) (int, error) {
	done := 0
	err := f.guard.write(func() error {
		n, err := f.File.WriteAt(p[done:], off+int64(done))
		done += n
		return err
	})
	return done, err
}

// Sync implements vfs.File.
func (f *guardedFile) Sync() error { return f.guard.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardedFile) SyncData() error { return f.guard.sync(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	err = f.guard.sync(func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}
