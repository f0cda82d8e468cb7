package pebblestore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/pebblestore/whole"
)

// backupIn returns a backup with changes in its tables and in its log.
func backupIn(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backup")
	s := openIn(t, filepath.Join(t.TempDir(), "data"))
	for n := range 40 {
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(n))); err != nil {
			t.Fatal(err)
		}
		if n == 20 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A backup of which any file is cut, missing or has a flipped bit is not taken for a sound
// one, whether it is read or served.
func TestDamagedBackup(t *testing.T) {
	backup := backupIn(t)
	names, err := filepath.Glob(filepath.Join(backup, "*"))
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base, n := filepath.Base(name), len(content)
		damages := map[string][]byte{"missing": nil, "longer": append(bytes.Clone(content), 0)}
		if n > 0 {
			damages["empty"], damages["cut"] = []byte{}, content[:n*6/10]
			for i, at := range []int{0, n / 3, n - 1} {
				flipped := bytes.Clone(content)
				flipped[at] ^= 1
				damages["flip "+string(rune('1'+i))] = flipped
			}
		}
		if base == whole.Name { // without it a directory is no backup
			delete(damages, "missing")
		}
		for how, damaged := range damages {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(dir, base)
			if how == "missing" {
				err = os.Remove(at)
			} else {
				err = os.WriteFile(at, damaged, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{true, false} {
				s, err := Open(dir, Options{ReadOnly: readOnly})
				if err == nil {
					err = errors.Join(s.Verify(t.Context()), s.Close()) // a table's blocks, which opening does not read
				}
				if !errors.As(err, new(*DamagedError)) || !strings.Contains(err.Error(), at) {
					t.Errorf("%s %s, to be read only %v: %v", base, how, readOnly, err)
				}
			}
		}
	}
}

// A backup that is served is one no more; an older one, which says nothing of its files,
// opens as ever.
func TestServedBackup(t *testing.T) {
	dir := backupIn(t)
	for range 2 {
		s := openIn(t, dir)
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1000))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, whole.Name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the served store still has its %s: %v", whole.Name, err)
		}
	}
	s, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Verify(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
}
