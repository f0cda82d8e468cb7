//go:build unix

package pebblestore

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mpblock"
)

func TestPrivate(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Private(dir, log); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("a new directory is not worth a word: %s", &out)
	}
	file, link := filepath.Join(dir, "MANIFEST-000001"), filepath.Join(dir, "link")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, name := range []string{file, elsewhere} {
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chmod(name, 0o664)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(elsewhere, link), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := Private(dir, log); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{dir: 0o700, file: 0o600, elsewhere: 0o664} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if s := out.String(); !strings.Contains(s, "directory was open") || !strings.Contains(s, "files=1") {
		t.Errorf("the log says %s", s)
	}
}

// A directory of another owner stays open: nothing is put into it.
func TestPrivateOfAnother(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	refuse := func(name string, _ os.FileMode) error {
		return &fs.PathError{Op: "chmod", Path: name, Err: fs.ErrPermission}
	}
	err := privateBy(refuse, dir, slog.New(slog.DiscardHandler))
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "chmod 700 "+dir) {
		t.Errorf("%v", err)
	}
}

// A directory of something else is neither closed nor used: /tmp, say.
func TestPrivateOnSomethingElse(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "letter"), nil, 0o600), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := Private(dir, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "holds letter") {
		t.Errorf("%v", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

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
