package past_test

import (
	"context"
	"testing"

	"mpblock"
	"mpblock/internal/lists/past"
	"mpblock/internal/memstore"
)

// counting is a store that counts its reads, and the OpenIDs that they are about.
type counting struct {
	mpblock.Store
	reads, ids int
}

func (c *counting) count(ids int) {
	c.reads++
	c.ids += ids
}

func (c *counting) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	p, err := c.Store.Blacklist(ctx, app, after, limit)
	c.count(len(p.OpenIDs))
	return p, err
}

func (c *counting) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	c.count(len(ids))
	return c.Store.States(ctx, app, ids)
}

func (c *counting) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	changes, err := c.Store.Changes(ctx, app, after, limit)
	n := 0
	for _, one := range changes {
		n += len(one.OpenIDs)
	}
	c.count(n)
	return changes, err
}

func (c *counting) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	c.count(1)
	return c.Store.ChangesOf(ctx, app, id, after, limit)
}

func (c *counting) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	c.count(0)
	return c.Store.ChangeHeads(ctx, app, seqs)
}

// TestOnePageIsBounded looks for what nobody has, in a list that is long and has changed a
// lot since: whatever the limit, a page takes so many reads, and the pages come to an end.
func TestOnePageIsBounded(t *testing.T) {
	store, ids := &counting{Store: memstore.New()}, mint(30_000)
	for at := 0; at < len(ids); at += mpblock.MaxWrite {
		apply(t, store, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids[at : at+mpblock.MaxWrite]})
	}
	quiet, _ := past.Reader{Store: store}.Revision(t.Context(), app)
	pages := func(at uint64, limit, most, mostIDs int) (n int) {
		t.Helper()
		for after := (mpblock.OpenID{}); ; n++ {
			store.reads, store.ids = 0, 0
			held, next, err := past.Reader{Store: store}.Page(t.Context(), app, at, after, limit, none)
			if err != nil || len(held) > 0 {
				t.Fatalf("%v, %v", held, err)
			}
			if store.reads > most || store.ids > mostIDs {
				t.Errorf("a page by %d takes %d reads of %d OpenIDs, want %d of %d", limit, store.reads, store.ids, most, mostIDs)
			}
			if after = next; next == (mpblock.OpenID{}) {
				return n
			}
		}
	}
	for _, limit := range []int{1, 100, 1_000} {
		if n := pages(quiet, limit, 70, 12_000); n < 5 || n > 6 {
			t.Errorf("%d pages by %d that are not the last", n, limit)
		}
	}
	for i := range 1_200 {
		apply(t, store, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids[3*i : 3*i+1]})
		apply(t, store, mpblock.Batch{Action: mpblock.Amend, OpenIDs: ids[3*i+1 : 3*i+2]})
	}
	for _, limit := range []int{1, 1_000} {
		pages(quiet, limit, 2_000, 25_000)
	}
}
