package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// watchEvery is how long writes may go on into a directory that is no longer there.
const watchEvery = time.Second

// Watch returns what looks after a directory that is held, until stop is closed, and
// tells lost when it is gone: files that are open can be written when somebody has
// deleted them, or put others in their place, and are gone at the end of the process.
// Which directory it is, the lock file tells: it is made once, and its inode is nobody
// else's while it is open.
func Watch(dir string, stop <-chan struct{}, lost func(error)) (run func(), err error) {
	name := filepath.Join(dir, LockFile)
	mine, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("look after the data directory: %w", err)
	}
	return func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if err := same(mine, name); err != nil {
				lost(err)
				return
			}
		}
	}, nil
}

// same returns an error if a file is gone or another one. That it cannot be looked at
// says neither.
func same(mine os.FileInfo, name string) error {
	now, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the data directory, or the lock file in it, has been removed or renamed: %w", err)
	case err == nil && !os.SameFile(mine, now):
		return fmt.Errorf("the data directory, or the lock file in it, has been replaced: %s is another file", name)
	}
	return nil
}
