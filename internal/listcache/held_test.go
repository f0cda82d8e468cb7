package listcache_test

import (
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/listcache"
	"mpblock/internal/memstore"
	"mpblock/internal/quoted"
)

// joined is a page as it is sent.
func joined(p quoted.Page) (all []byte) {
	for _, r := range p.Runs {
		all = append(all, r...)
	}
	return all
}

// What a page was given out with stays as it is until it is released, whatever changes
// meanwhile; then changes are made in that very memory. A page that is never released
// costs a copy.
func TestHeld(t *testing.T) {
	s := listcache.New(memstore.New(), 1<<20)
	all := numbered(0, 1_000)
	apply(t, s, mpblock.Block, all[:900]...)
	page := func() quoted.Page {
		t.Helper()
		p, err := s.Quoted(t.Context(), app, mpblock.OpenID{}, 2_000)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := page()
	before := joined(first)
	apply(t, s, mpblock.Block, all[900:905]...)
	second := page()
	apply(t, s, mpblock.Unblock, all[:100]...)
	third := page()
	if !slices.Equal(joined(first), before) || len(second.Page().OpenIDs) != 905 || len(third.Page().OpenIDs) != 805 {
		t.Errorf("a page that was given out has changed: %d, then %d and %d OpenIDs", first.Len(), second.Len(), third.Len())
	}
	third.Release()
	fourth := page()
	at := make([]*byte, len(fourth.Runs))
	for i, r := range fourth.Runs {
		at[i] = &r[0]
	}
	fourth.Release()
	apply(t, s, mpblock.Unblock, all[900])
	apply(t, s, mpblock.Block, all[900:903]...) // one more than went, for which there is room
	last := page()
	want := slices.Clone(all[100:905])
	slices.SortFunc(want, mpblock.OpenID.Compare)
	if !slices.Equal(last.Page().OpenIDs, want) {
		t.Errorf("%d OpenIDs, want %d", last.Len(), len(want))
	}
	for i, r := range last.Runs {
		if &r[0] != at[i] {
			t.Errorf("block %d was copied, and nobody read it", i)
		}
	}
}
