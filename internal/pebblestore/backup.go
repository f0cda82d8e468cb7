package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"

	"mpblock/internal/pebblestore/whole"
)

// Backup implements mpblock.Backuper. It copies what was acknowledged before the
// call, without holding writers up; tables are linked where the file system can. The
// copy grows beside dir, in .NAME.partial, and has its name when all of it is on the
// disk; what an interrupted one has left there is replaced.
func (s *Store) Backup(ctx context.Context, dir string) error {
	return s.await(ctx, func() error {
		if err := s.backup(filepath.Clean(dir)); err != nil {
			return fmt.Errorf("copy the store to %s: %w", dir, err)
		}
		return nil
	})
}

func (s *Store) backup(dir string) (err error) {
	s.backingUp.Lock() // one whose caller has gone may still be under way
	defer s.backingUp.Unlock()
	disk := s.fs.FS // a disk that refuses a backup is no reason to refuse writes
	if _, err := disk.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	parent := filepath.Dir(dir)
	partial := filepath.Join(parent, "."+filepath.Base(dir)+".partial")
	if err := disk.RemoveAll(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier backup has left: %w", err)
	}
	defer func() {
		if p := recover(); p != nil { // Pebble's answer to a sync that fails
			err = fmt.Errorf("%v", p)
		}
		if err != nil {
			_ = disk.RemoveAll(partial) // what is left is replaced by the next
		}
	}()
	err = s.db.Checkpoint(partial, pebble.WithFlushedWAL())
	if err == nil {
		err = whole.Write(disk, partial)
	}
	if err != nil {
		return err
	}
	if err := disk.Rename(partial, dir); err != nil {
		return err
	}
	return whole.Sync(disk, parent)
}
