package listcache_test

import (
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/listcache"
	"mpblock/internal/memstore"
)

// A page but the first is read in parts of about the same length.
func TestReadsInParts(t *testing.T) {
	const parts, page = 3, 9_000
	inner := &counting{Store: memstore.New()}
	all := numbered(0, 60_000)
	apply(t, inner, mpblock.Block, all...)
	slices.SortFunc(all, mpblock.OpenID.Compare)
	s := listcache.NewParts(inner, 100<<20, parts)
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, page); err != nil || !slices.Equal(p.OpenIDs, all[:page]) || inner.pages.Load() != 1 {
		t.Errorf("the first page: %d entries, read %d times, %v", len(p.OpenIDs), inner.pages.Load(), err)
	}
	inner.most.Store(0)
	inner.entries.Store(0)
	if got := walk(t, s, page); !slices.Equal(got, all) {
		t.Errorf("%d entries, want %d", len(got), len(all))
	}
	if most, n := inner.most.Load(), inner.entries.Load(); most > page*2/parts || n > 60_000 {
		t.Errorf("up to %d entries were read at once, and %d in all", most, n)
	}
}
