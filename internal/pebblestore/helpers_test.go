package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func openIn(tb testing.TB, dir string) *Store {
	tb.Helper()
	return openWith(tb, dir, Options{})
}

func openOn(tb testing.TB, fs vfs.FS) *Store {
	tb.Helper()
	return openWith(tb, "data", Options{FS: fs})
}

func openWith(tb testing.TB, dir string, o Options) *Store {
	tb.Helper()
	s, err := Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
