//go:build unix

package datadir

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

func TestHeldByAnother(t *testing.T) {
	tests := []struct {
		err  error
		want bool
	}{
		{syscall.EAGAIN, true},
		{syscall.EACCES, true},
		{errors.New("lock held by current process"), true},
		{syscall.ENOLCK, false},
		{&fs.PathError{Op: "open", Path: "LOCK", Err: syscall.EACCES}, false},
		{&fs.PathError{Op: "open", Path: "LOCK", Err: syscall.ENOSPC}, false},
	}
	for _, tt := range tests {
		if got := heldByAnother(tt.err); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}
