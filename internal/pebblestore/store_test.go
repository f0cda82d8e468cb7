package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
	"mpblock/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mpblock.Store { return openIn(t, t.TempDir()) })
}

func TestModel(t *testing.T) {
	var fs vfs.FS
	reopen := func() mpblock.Store { return openOn(t, fs) }
	storetest.Model(t, func() mpblock.Store { fs = vfs.NewMem(); return reopen() }, reopen)
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) mpblock.Store { return openIn(b, b.TempDir()) })
}
