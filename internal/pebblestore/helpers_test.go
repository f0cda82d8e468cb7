package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func openIn(t testing.TB, dir string) *Store {
	t.Helper()
	return openWith(t, dir, Options{})
}

func openOn(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	return openWith(t, "data", Options{FS: fs})
}

func openWith(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
