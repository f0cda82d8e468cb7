package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

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
	held, err := privateFS{vfs.Default}.Lock(filepath.Join(dir, "LOCK"))
	if err != nil && heldByAnother(err) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return held, err
}
