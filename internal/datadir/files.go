package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// LockFile is the file in a directory by which a process holds it, as Pebble calls it.
const LockFile = "LOCK"

// ErrInUse says that another process holds a directory.
var ErrInUse = errors.New("in use by another process")

// FS is the real file system, on which it makes files that their owner alone can read.
var FS vfs.FS = privateFS{vfs.Default}

// privateFS is the real file system, on which it makes files that their owner alone
// can read, whatever the process's mask: they hold keys. Pebble's own has no mode to
// be given, but leaves that of a file which is there already.
type privateFS struct{ vfs.FS }

// Unwrap implements vfs.FS.
func (f privateFS) Unwrap() vfs.FS { return f.FS }

func touch(name string, flags int) error {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|flags, 0o600) //nolint:gosec // the directory is the caller's
	if err != nil {
		return err
	}
	return file.Close()
}

// Create implements vfs.FS.
func (f privateFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	err := touch(name, os.O_EXCL)
	for errors.Is(err, fs.ErrExist) { // anew, since the old one may be linked from a backup
		if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		err = touch(name, os.O_EXCL)
	}
	if err != nil {
		return nil, err
	}
	return f.FS.OpenReadWrite(name, c)
}

// OpenReadWrite implements vfs.FS.
func (f privateFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := touch(name, 0); err != nil {
		return nil, err
	}
	return f.FS.OpenReadWrite(name, c, opts...)
}

// Lock implements vfs.FS.
func (f privateFS) Lock(name string) (io.Closer, error) {
	if err := touch(name, 0); err != nil {
		return nil, err
	}
	return f.FS.Lock(name)
}

// Hold makes a directory private, and holds it, without a store, by the file by which
// a store in it is held. It fails with ErrInUse if another process holds it.
func Hold(dir string, log *slog.Logger) (io.Closer, error) {
	if err := Private(dir, log); err != nil {
		return nil, err
	}
	return Lock(FS, filepath.Join(dir, LockFile))
}

// Lock takes a lock file. It fails with ErrInUse if another process has it, or this
// one.
func Lock(on vfs.FS, name string) (io.Closer, error) {
	c, err := on.Lock(name)
	if err != nil && heldByAnother(err) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return c, err
}

// heldByAnother tells a lock that is taken from a lock file that cannot be made or
// locked at all. The first is fcntl's EAGAIN or EACCES, bare, or, where this very
// process holds the lock, an error of Pebble's without a number.
func heldByAnother(err error) bool {
	var number syscall.Errno
	switch {
	case errors.As(err, new(*fs.PathError)):
		return false
	case errors.As(err, &number):
		return number == syscall.EAGAIN || number == syscall.EACCES
	}
	return true
}
