package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mpblock/internal/datadir"
)

// watchEvery is how long writes may go on into a directory that is no longer there.
const watchEvery = time.Second

// watch begins to look after the directory: files that are open can be written when
// somebody has deleted them, or put others in their place, and are gone at the end of
// the process. Which directory it is, the lock file tells: it is made once, and its
// inode is nobody else's while it is open.
func (s *Store) watch() error {
	if !s.onDisk() {
		return nil
	}
	name := filepath.Join(s.dir, datadir.LockFile)
	mine, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("look after the data directory: %w", err)
	}
	s.inflight.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
			if err := same(mine, name); err != nil {
				s.guard.lose(err)
				return
			}
		}
	})
	return nil
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
