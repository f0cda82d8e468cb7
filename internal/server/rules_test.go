package server

import (
	"context"
	"errors"
	"testing"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/listcache"
	"mpblock/internal/memstore"
)

func rulesOver(t *testing.T, store mpblock.Store) *rules {
	t.Helper()
	r, err := openRules(t.Context(), listcache.New(feed.New(store, 0), 1<<20), store, Config{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wrapped is a store behind another, as metrics put one there.
type wrapped struct{ mpblock.Store }

func (w wrapped) Unwrap() mpblock.Store { return w.Store }

type capable struct {
	mpblock.Store
	health error
	copied string
}

func (c *capable) Health() error { return c.health }
func (c *capable) Backup(_ context.Context, dir string) error {
	c.copied = dir
	return nil
}

func TestReadyAndBackup(t *testing.T) {
	c := &capable{Store: memstore.New()}
	r := rulesOver(t, wrapped{wrapped{c}})
	if err := r.ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.backup(t.Context(), "somewhere"); err != nil || c.copied != "somewhere" {
		t.Errorf("copied to %q, %v", c.copied, err)
	}
	c.health = errors.New("no space left on the device")
	if err := r.ready(t.Context()); !errors.Is(err, c.health) {
		t.Errorf("ready says %v", err)
	}
	c.health = nil
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if r.ready(t.Context()) == nil {
		t.Error("ready on a closed store")
	}
	err := rulesOver(t, memstore.New()).backup(t.Context(), "x")
	if !errors.Is(err, errNoBackup) {
		t.Errorf("a copy of a store that cannot be copied: %v", err)
	}
}
