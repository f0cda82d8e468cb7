// Package whole tells of a backup whether it is what was written.
//
// Pebble opens a store whose log was cut, or has a flipped bit, as of what it can read: for
// one that a machine went down with that is right. A backup has no such end, so one that
// is not as it was written has lost what was acknowledged, and nobody would know. A file
// beside its files says what they were.
package whole

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	iofs "io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock/internal/pebblestore/damage"
)

// Name is the name of the file. A store that is opened to be written is no backup any
// more, and has none.
const Name = "BACKUP"

const head = "mpblock backup: name, bytes and CRC-32C of each file; of tables, which have checksums in them, no CRC-32C\n"

var sum = crc32.MakeTable(crc32.Castagnoli)

// Write says in a directory what its files are. It is on the disk when Write returns.
func Write(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	text := bytes.NewBufferString(head)
	for _, name := range names {
		line, err := lineOf(fs, dir, name)
		if err != nil {
			return err
		}
		text.WriteString(line)
	}
	fmt.Fprintf(text, "%08x\n", crc32.Checksum(text.Bytes(), sum))
	file, err := fs.Create(fs.PathJoin(dir, Name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return Sync(fs, dir)
}

// Sync has a directory's names on the disk.
func Sync(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lineOf says what a file is.
func lineOf(fs vfs.FS, dir, name string) (string, error) {
	path := fs.PathJoin(dir, name)
	if strings.HasSuffix(name, ".sst") {
		info, err := fs.Stat(path)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %d\n", name, info.Size()), nil
	}
	b, err := read(fs, path)
	return fmt.Sprintf("%s %d %08x\n", name, len(b), crc32.Checksum(b, sum)), err
}

func read(fs vfs.FS, path string) ([]byte, error) {
	file, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(file)
	return b, errors.Join(err, file.Close())
}

// Verify fails with a *damage.Error where a directory is a backup and one of its files is
// not what was written. What lies in the blocks of tables is not read.
func Verify(fs vfs.FS, dir string) error {
	path := fs.PathJoin(dir, Name)
	b, err := read(fs, path)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	damaged := func(file, format string, args ...any) error {
		return &damage.Error{Dir: dir, File: file, Err: fmt.Errorf(format+"; without the file "+path+" the store opens as of what can be read of it", args...)}
	}
	text, end := b, ""
	if at := len(b) - len("00000000\n"); at >= 0 {
		text, end = b[:at], string(b[at:])
	}
	if end != fmt.Sprintf("%08x\n", crc32.Checksum(text, sum)) {
		return damaged(path, "it does not end as it was written")
	}
	for line := range strings.Lines(strings.TrimPrefix(string(text), head)) {
		name, want, _ := strings.Cut(line, " ")
		now, err := lineOf(fs, dir, name)
		if errors.Is(err, iofs.ErrNotExist) {
			return damaged(fs.PathJoin(dir, name), "it is missing")
		}
		if err != nil {
			return err
		}
		if _, is, _ := strings.Cut(now, " "); is != want {
			return damaged(fs.PathJoin(dir, name), "it has %s, the backup was written with %s (bytes and CRC-32C)", strings.TrimSpace(is), strings.TrimSpace(want))
		}
	}
	return nil
}

// Begin has a directory be a backup no more.
func Begin(fs vfs.FS, dir string) error {
	if err := fs.Remove(fs.PathJoin(dir, Name)); !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	return nil
}
