// Package datadir keeps a data directory to its owner and to one process at a time,
// with the embedded store in it or without.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const others = 0o077 // what group and others may do

// Private makes a directory that its owner alone can enter. One that is there already and
// open to group or others is closed, and so are the files in it, with a word in the
// log; it fails if the directory cannot be closed, or is not a data directory but holds
// something else. Directories in it stay as they are. Where files have no modes, it
// only makes the directory.
func Private(dir string, log *slog.Logger) error { return privateBy(os.Chmod, dir, log) }

func privateBy(chmod func(string, os.FileMode) error, dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory %s: %w", dir, err)
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&others != 0 {
		if name := foreign(entries); name != "" {
			return fmt.Errorf("%s is open to other users and holds %s, which is nothing of mpblock's: name a new directory for its data", dir, name)
		}
		if err := chmod(dir, 0o700); err != nil {
			return fmt.Errorf("%s is open to other users and holds keys, and cannot be closed: have its owner run chmod 700 %[1]s, or name a new directory in it: %w", dir, err)
		}
		log.Warn("the directory was open to other users: closed", "dir", dir, "mode", info.Mode().Perm().String())
	}
	if foreign(entries) != "" {
		return nil
	}
	return closeFiles(chmod, dir, entries, log)
}

// foreign returns the name of something in a directory that is no data directory, ""
// if it is one or may become one.
func foreign(entries []fs.DirEntry) (name string) {
	for _, e := range entries {
		switch n := e.Name(); {
		case strings.HasPrefix(n, "MANIFEST-"):
			return "" // a store: all of it is ours
		case !slices.Contains([]string{"LOCK", "mpblock.sock", "tls", "ca.pem", "ca-key.pem", "lost+found"}, n):
			name = n
		}
	}
	return name
}

// closeFiles closes what an earlier version, or a restore, has left open.
func closeFiles(chmod func(string, os.FileMode) error, dir string, entries []fs.DirEntry, log *slog.Logger) error {
	closed := 0
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Mode().Perm()&others == 0 {
			continue
		}
		if err := chmod(filepath.Join(dir, e.Name()), info.Mode().Perm()&^others); err != nil {
			log.Warn("a file in a closed directory stays open to other users", "error", err) // another owner's, so nothing of ours
			continue
		}
		closed++
	}
	if closed > 0 {
		log.Warn("files were open to other users: closed", "dir", dir, "files", closed)
	}
	return nil
}
