package pebblestore

import (
	"context"
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

// flushing has Pebble write its tables now and then, so that what a batch looks up
// is partly there and partly not.
type flushing struct {
	*Store
	n int
}

func (f *flushing) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if f.n++; f.n%4 == 0 {
		if err := f.db.Flush(); err != nil {
			return mpblock.Change{}, err
		}
	}
	return f.Store.Apply(ctx, app, b)
}

func TestModelFlushed(t *testing.T) {
	var fs vfs.FS
	reopen := func() mpblock.Store { return &flushing{Store: openOn(t, fs)} }
	storetest.Model(t, func() mpblock.Store { fs = vfs.NewMem(); return reopen() }, reopen)
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) mpblock.Store { return openIn(b, b.TempDir()) })
}
