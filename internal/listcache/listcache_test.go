package listcache_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/listcache"
	"mpblock/internal/memstore"
	"mpblock/internal/pebblestore"
	"mpblock/internal/storetest"
)

const app mpblock.AppID = "wx0123456789abcdef"

func pebble(t *testing.T) mpblock.Store {
	t.Helper()
	s, err := pebblestore.Open(t.TempDir(), pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	t.Run("over memstore", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) mpblock.Store { return listcache.NewSmall(memstore.New(), 1<<20) })
	})
	t.Run("over pebblestore", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) mpblock.Store { return listcache.New(pebble(t), 1<<20) })
	})
	t.Run("without room", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) mpblock.Store { return listcache.NewSmall(memstore.New(), 300) })
	})
	t.Run("over a slow one", func(t *testing.T) {
		storetest.RunSlow(t, func(*testing.T) mpblock.Store {
			return listcache.NewSmall(storetest.NewSlow(memstore.New(), time.Second), 1<<20)
		})
	})
}

func TestModel(t *testing.T) {
	t.Run("with room", func(t *testing.T) {
		storetest.Model(t, func() mpblock.Store { return listcache.NewSmall(memstore.New(), 1<<20) }, nil)
	})
	t.Run("with little room", func(t *testing.T) {
		storetest.Model(t, func() mpblock.Store { return listcache.NewSmall(memstore.New(), 700) }, nil)
	})
}

// counting counts what reaches the store.
type counting struct {
	mpblock.Store
	pages, changes atomic.Int64
	hold           chan struct{} // pages wait for it, if it is set
	entered        chan struct{} // told of a page, if it is set
}

func (c *counting) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	if limit > 0 {
		c.pages.Add(1)
		if c.entered != nil {
			c.entered <- struct{}{}
		}
		if c.hold != nil {
			<-c.hold
		}
	}
	return c.Store.Blacklist(ctx, app, after, limit)
}

func (c *counting) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	c.changes.Add(1)
	return c.Store.Changes(ctx, app, after, limit)
}

func numbered(from, to int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, 0, to-from)
	for i := from; i < to; i++ {
		ids = append(ids, storetest.Numbered(uint64(i)))
	}
	return ids
}

func apply(t *testing.T, s mpblock.Store, action mpblock.Action, ids ...mpblock.OpenID) {
	t.Helper()
	for part := range slices.Chunk(ids, mpblock.MaxWrite) {
		if _, err := s.Apply(t.Context(), app, mpblock.Batch{Action: action, OpenIDs: part, Actor: "test", Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
}

func walk(t *testing.T, s mpblock.Store, limit int) (ids []mpblock.OpenID) {
	t.Helper()
	for after := (mpblock.OpenID{}); ; {
		p, err := s.Blacklist(t.Context(), app, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.OpenIDs) == 0 {
			return ids
		}
		ids, after = append(ids, p.OpenIDs...), p.OpenIDs[len(p.OpenIDs)-1]
	}
}

// A list is read once, by whoever comes first; after that the store is asked for
// the change that is lacking, and for no entry.
func TestReadsOnce(t *testing.T) {
	inner := &counting{Store: memstore.New()}
	s := listcache.New(inner, 100<<20)
	all := numbered(0, 30_000)
	apply(t, s, mpblock.Block, all...)
	slices.SortFunc(all, mpblock.OpenID.Compare)
	for range 3 {
		if got := walk(t, s, 10_000); !slices.Equal(got, all) {
			t.Fatalf("%d entries, want %d", len(got), len(all))
		}
	}
	if n := inner.pages.Load(); n > 4 {
		t.Errorf("%d pages were read, the list has 3", n)
	}
	pages := inner.pages.Load()
	apply(t, s, mpblock.Unblock, all[1:4]...)
	if got := walk(t, s, 10_000); !slices.Equal(got, slices.Delete(slices.Clone(all), 1, 4)) {
		t.Errorf("%d entries after unblocking 3", len(got))
	}
	if inner.pages.Load() != pages || inner.changes.Load() != 1 {
		t.Errorf("%d more pages and %d times changes were read, want 0 and 1", inner.pages.Load()-pages, inner.changes.Load())
	}
}

// Callers who come while a page is being read do not read it again.
func TestReadsOnceForAll(t *testing.T) {
	inner := &counting{Store: memstore.New(), hold: make(chan struct{})}
	s := listcache.New(inner, 100<<20)
	apply(t, s, mpblock.Block, numbered(0, 3_000)...)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 1_000); err != nil || len(p.OpenIDs) != 1_000 {
				t.Errorf("%d entries, %v", len(p.OpenIDs), err)
			}
		})
	}
	inner.hold <- struct{}{}
	wg.Wait()
	if n := inner.pages.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}

// One who waits for another's reading gives up with its context.
func TestWaitEndsWithContext(t *testing.T) {
	inner := &counting{Store: memstore.New(), hold: make(chan struct{}), entered: make(chan struct{}, 1)}
	s := listcache.New(inner, 100<<20)
	apply(t, s, mpblock.Block, numbered(0, 10)...)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10) })
	<-inner.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 10); err == nil {
		t.Error("it was answered")
	}
	inner.hold <- struct{}{}
	wg.Wait()
}

// A change that reached the store past the cache, as from another node or from a
// call whose outcome its caller never learnt, is on the next page.
func TestForeignChanges(t *testing.T) {
	inner := memstore.New()
	s := listcache.New(inner, 1<<20)
	all := numbered(0, 5_000)
	apply(t, inner, mpblock.Block, all...)
	walk(t, s, 1_000)
	apply(t, inner, mpblock.Unblock, all[10])
	p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 1)
	if err != nil || p.Total != 4_999 || p.Seq != 2 {
		t.Errorf("total %d as of seq %d, %v", p.Total, p.Seq, err)
	}
}

// What is kept stays below the limit, and what was used last stays.
func TestRoom(t *testing.T) {
	const limit = 500_000
	inner := &counting{Store: memstore.New()}
	s := listcache.New(inner, limit)
	apply(t, s, mpblock.Block, numbered(0, 50_000)...)
	hot := func() { // the head of the list is asked for all the time
		if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 1_000); err != nil || len(p.OpenIDs) != 1_000 {
			t.Fatalf("%d entries, %v", len(p.OpenIDs), err)
		}
	}
	hot()
	for after := (mpblock.OpenID{}); ; {
		p, err := s.Blacklist(t.Context(), app, after, 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.OpenIDs) == 0 {
			break
		}
		after = p.OpenIDs[len(p.OpenIDs)-1]
		hot()
		if kept := s.Kept(); kept > limit {
			t.Fatalf("%d bytes are kept, the limit is %d", kept, limit)
		}
	}
	s.Evict(limit / 2)
	if kept := s.Kept(); kept > limit/2 || kept < limit/4 {
		t.Errorf("%d bytes are kept, want a little less than %d", kept, limit/2)
	}
	before := inner.pages.Load()
	hot()
	if n := inner.pages.Load() - before; n != 0 {
		t.Errorf("what was used last was read again")
	}
}

// Under writers, readers and a cache that is emptied all the time, each page is
// what the log says of its seq.
func TestConcurrent(t *testing.T) {
	for name, inner := range map[string]mpblock.Store{"memstore": memstore.New(), "pebblestore": pebble(t)} {
		t.Run(name, func(t *testing.T) { testConcurrent(t, inner) })
	}
}

func testConcurrent(t *testing.T, inner mpblock.Store) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := listcache.NewSmall(inner, 20_000)
	all := numbered(0, 400)
	apply(t, s, mpblock.Block, all[:200]...)
	type seen struct {
		after mpblock.OpenID
		limit int
		page  mpblock.Page
	}
	var mu sync.Mutex
	var pages []seen
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(r)))
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				x := seen{after: all[random.IntN(len(all))], limit: 1 + random.IntN(150)}
				if i%4 == 0 {
					x.after = mpblock.OpenID{}
				}
				var err error
				if x.page, err = s.Blacklist(t.Context(), app, x.after, x.limit); err != nil {
					t.Error(err)
					return
				}
				if i%50 == 0 {
					s.Evict(random.Int64N(20_000))
				}
				mu.Lock()
				pages = append(pages, x)
				mu.Unlock()
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(seed, 100+uint64(w)))
			for range 300 {
				ids := make([]mpblock.OpenID, 1+random.IntN(8))
				for i := range ids {
					ids[i] = all[random.IntN(len(all))]
				}
				apply(t, s, mpblock.Action(1+random.IntN(2)), ids...)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	slices.SortStableFunc(pages, func(a, b seen) int { return int(a.page.Seq) - int(b.page.Seq) })
	model := memstore.New()
	changes, err := inner.Changes(t.Context(), app, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range pages {
		for len(changes) > 0 && changes[0].Seq <= x.page.Seq {
			apply(t, model, changes[0].Action, changes[0].OpenIDs...)
			changes = changes[1:]
		}
		want, err := model.Blacklist(t.Context(), app, x.after, x.limit)
		if err != nil {
			t.Fatal(err)
		}
		if x.page.Total != want.Total || x.page.Seq != want.Seq || !slices.Equal(x.page.OpenIDs, want.OpenIDs) {
			t.Fatalf("as of seq %d: %d of %d entries after %s, want %d of %d", x.page.Seq, len(x.page.OpenIDs), x.page.Total, x.after, len(want.OpenIDs), want.Total)
		}
	}
}

// Changes behind which the cache has fallen too far are not applied one by one.
func TestTooFarBehind(t *testing.T) {
	inner := &counting{Store: memstore.New()}
	s := listcache.NewSmall(inner, 1<<20)
	all := numbered(0, 40)
	apply(t, s, mpblock.Block, all[:20]...)
	walk(t, s, 5)
	for _, id := range all[20:] {
		apply(t, s, mpblock.Block, id)
	}
	slices.SortFunc(all, mpblock.OpenID.Compare)
	pages := inner.pages.Load()
	if got := walk(t, s, 5); !slices.Equal(got, all) {
		t.Errorf("%d entries, want %d", len(got), len(all))
	}
	if n := inner.changes.Load(); n != 1 {
		t.Errorf("changes were read %d times, want once", n)
	}
	if inner.pages.Load() == pages {
		t.Error("they were applied, and no page was read anew")
	}
}

// A list that is kept whole and that changes make longer stays below the limit too.
func TestRoomForChanges(t *testing.T) {
	const limit = 200_000
	s := listcache.New(memstore.New(), limit)
	apply(t, s, mpblock.Block, numbered(0, 10)...)
	n := 10
	change := func(ids int) {
		walk(t, s, 1_000)
		apply(t, s, mpblock.Block, numbered(n, n+ids)...)
		n += ids
	}
	for n < 10_000 {
		change(250)
	}
	for range 10_000 { // room is made in the background, whenever there is a change to apply
		if change(1); s.Kept() <= limit {
			return
		}
	}
	t.Errorf("%d bytes are kept, the limit is %d", s.Kept(), limit)
}

// Pages as they are sent are the pages of the store, where there is room and where
// there is none; what is kept is not copied.
func TestQuoted(t *testing.T) {
	inner := memstore.New()
	all := numbered(0, 3_000)
	apply(t, inner, mpblock.Block, all...)
	for name, limit := range map[string]int64{"with room": 1 << 20, "without room": 300} {
		s := listcache.New(inner, limit)
		for _, after := range []mpblock.OpenID{{}, all[7], all[2_000]} {
			for range 2 {
				want, err := inner.Blacklist(t.Context(), app, after, 1_000)
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.Quoted(t.Context(), app, after, 1_000)
				if p := got.Page(); err != nil || !slices.Equal(p.OpenIDs, want.OpenIDs) || p.Total != want.Total || p.Seq != want.Seq {
					t.Errorf("%s, after %s: %d of %d entries as of %d, %v", name, after, len(p.OpenIDs), p.Total, p.Seq, err)
				}
			}
		}
	}
	s := listcache.New(inner, 1<<20)
	first, _ := s.Quoted(t.Context(), app, mpblock.OpenID{}, 1_000)
	second, err := s.Quoted(t.Context(), app, mpblock.OpenID{}, 1_000)
	if err != nil || &first.Runs[1][0] != &second.Runs[1][0] {
		t.Errorf("what is kept is copied: %v", err)
	}
}
