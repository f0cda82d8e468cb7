//go:build unix

package pebblestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mpblock"
)

// A directory made beforehand with any mode, in a process with any mask, holds no
// file that others can read, before and after tables and logs change; nor does a
// backup, nor what an earlier version has left.
func TestFilesAreTheirOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(0o022))
	for range 2 {
		s := openIn(t, dir)
		for n := range 3 {
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		wantClosed(t, dir)
		to := filepath.Join(t.TempDir(), "new", "backup")
		if err := s.Backup(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, to)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, dir)
		for _, e := range entries(t, dir) { // as an earlier version left them
			if err := os.Chmod(filepath.Join(dir, e.Name()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func entries(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

func wantClosed(t *testing.T, dir string) {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
	for _, e := range entries(t, dir) {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}
