package feed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

const app mpblock.AppID = "wx0123456789abcdef"

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// counted counts what reaches a store, and can fail.
type counted struct {
	mpblock.Store
	heads, logs atomic.Int64
	down        atomic.Bool
	missing     uint64 // changes up to it are not kept
}

var errDown = errors.New("the store is down")

func (c *counted) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	c.heads.Add(1)
	if c.down.Load() {
		return mpblock.Page{}, errDown
	}
	return c.Store.Blacklist(ctx, app, after, limit)
}

func (c *counted) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	c.logs.Add(1)
	return c.Store.Changes(ctx, app, max(after, c.missing), limit)
}

func apply(t *testing.T, s mpblock.Store, b mpblock.Batch) mpblock.Change {
	t.Helper()
	b.Actor, b.Time = or(b.Actor, "test"), start
	c, err := s.Apply(t.Context(), app, b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func block(t *testing.T, s mpblock.Store, n uint64) mpblock.Change {
	t.Helper()
	return apply(t, s, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{storetest.Numbered(n)}})
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) mpblock.Store { return feed.New(memstore.New(), 0) })
}

func TestKinds(t *testing.T) {
	s := feed.New(memstore.New(), 0)
	a, b := storetest.Numbered(1), storetest.Numbered(2)
	both := []mpblock.OpenID{a, b}
	end := start.Add(time.Hour)
	batches := []mpblock.Batch{
		{Action: mpblock.Block, OpenIDs: both, Reason: "spam", Until: end},
		{Action: mpblock.Amend, OpenIDs: []mpblock.OpenID{a}, Reason: "worse"},
		{Action: mpblock.Amend, OpenIDs: []mpblock.OpenID{a}, Undoes: 2},
		{Action: mpblock.Unblock, OpenIDs: both},
		{Action: mpblock.Block, OpenIDs: both, Undoes: 4},
		{Action: mpblock.Unblock, OpenIDs: both, Actor: mpblock.ActorExpiry},
	}
	for _, batch := range batches {
		apply(t, s, batch)
	}
	page, err := s.Read(t.Context(), app, feed.At(0), 100)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, e := range page.Events {
		got += fmt.Sprintf("%d %s %s %d %v %d\n", e.Seq, e.Kind, e.Reason, len(e.OpenIDs), e.Until.Equal(end), len(e.Ends))
	}
	want := "1 blocked spam 2 true 0\n2 amended worse 1 false 0\n3 amended  1 false 1\n4 unblocked  2 false 0\n5 blocked  2 false 2\n6 expired  2 false 0\n"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if ends := page.Events[4].Ends; !ends[a].Equal(end) || !ends[b].Equal(end) {
		t.Errorf("the undo gives back %v, want the end of the block", ends)
	}
	if ends := page.Events[2].Ends; !ends[a].Equal(end) {
		t.Errorf("the undo of the amend has ends %v, want that of the block", ends)
	}
}

func TestWakes(t *testing.T) {
	for name, poll := range map[string]time.Duration{"this node": 0, "another node": feed.DefaultPoll} {
		synctest.Test(t, func(t *testing.T) {
			inner := memstore.New()
			here := feed.New(inner, poll)
			writer := mpblock.Store(here)
			if poll > 0 {
				writer = inner
			}
			f := here.Follow(app)
			defer f.Close()
			time.Sleep(feed.DefaultPoll / 3)
			began := make(chan time.Time, 1)
			go func() {
				time.Sleep(10 * time.Second)
				began <- time.Now()
				block(t, writer, 1)
			}()
			page, err := f.Next(t.Context(), feed.At(0), 10)
			took := time.Since(<-began)
			if err != nil || len(page.Events) != 1 || page.Head != 1 {
				t.Fatalf("%s: %v, %v, want one change", name, page, err)
			}
			if took > poll {
				t.Errorf("%s: heard after %v, want %v at most", name, took, poll)
			}
		})
	}
}

// What was made between a reading and the waiting behind it is heard of.
func TestNothingIsLostBetween(t *testing.T) {
	s := feed.New(memstore.New(), 0)
	const changes, followers = 2_000, 8
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			f := s.Follow(app)
			defer func() { f.Close() }()
			for at := uint64(0); at < changes; {
				page, err := f.Next(t.Context(), feed.At(at), 1+rand.IntN(50))
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range page.Events {
					if e.Seq != at+1 {
						t.Errorf("change %d after %d", e.Seq, at)
						return
					}
					at++
				}
				if rand.IntN(20) == 0 { // cut
					f.Close()
					f = s.Follow(app)
				}
			}
		})
	}
	for n := range uint64(changes) {
		block(t, s, n)
	}
	wg.Wait()
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memstore.New()}
		s := feed.New(store, feed.DefaultPoll)
		ctx, stop := context.WithCancel(t.Context())
		const followers = 10_000
		var heard atomic.Int64
		var wg sync.WaitGroup
		for range followers {
			wg.Go(func() {
				f := s.Follow(app)
				defer f.Close()
				for at := uint64(0); ; at++ {
					if _, err := f.Next(ctx, feed.At(at), 1); err != nil {
						return
					}
					heard.Add(1)
				}
			})
		}
		time.Sleep(time.Second)
		before := store.heads.Load()
		time.Sleep(time.Minute)
		if n, most := store.heads.Load()-before, int64(time.Minute/feed.DefaultPoll)+1; n > most || n < most-2 {
			t.Errorf("%d readings a minute for %d followers, want %d", n, followers, most)
		}
		logs := store.logs.Load()
		block(t, store.Store, 1)
		time.Sleep(time.Second)
		if n := heard.Load(); n != followers {
			t.Errorf("%d of %d heard", n, followers)
		}
		if n := store.logs.Load() - logs; n != 1 {
			t.Errorf("the log was read %d times for one change", n)
		}
		stop()
		wg.Wait()
		synctest.Wait()
		before = store.heads.Load()
		time.Sleep(time.Minute)
		if n := store.heads.Load() - before; n != 0 {
			t.Errorf("%d readings for nobody", n)
		}
	})
}

func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memstore.New()}
		for n := range uint64(5) {
			block(t, store.Store, n)
		}
		gone := func(s *feed.Store, after uint64) {
			t.Helper()
			f := s.Follow(app)
			defer f.Close()
			_, err := f.Next(t.Context(), feed.At(after), 10)
			var e *mpblock.Error
			if !errors.As(err, &e) || !errors.Is(err, feed.ErrGone) || !slices.Equal(e.Args, []any{after, uint64(5)}) {
				t.Errorf("after %d: %v, want a gap and revision 5", after, err)
			}
		}
		gone(feed.New(store, 0), 6)
		began := time.Now()
		gone(feed.New(store, feed.DefaultPoll), 6)
		if took := time.Since(began); took < time.Second || took > 3*time.Second {
			t.Errorf("another node was waited for %v", took)
		}
		store.missing = 3
		gone(feed.New(store, 0), 2)
		if page, err := feed.New(store, 0).Read(t.Context(), app, feed.At(3), 10); err != nil || len(page.Events) != 2 {
			t.Errorf("behind the gap: %v, %v", page, err)
		}
	})
}

// A node that is behind the one that a follower came from is waited for.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memstore.New()
		s := feed.New(inner, feed.DefaultPoll)
		block(t, inner, 1)
		f := s.Follow(app)
		defer f.Close()
		go func() {
			time.Sleep(time.Second)
			block(t, inner, 2)
			time.Sleep(time.Second)
			block(t, inner, 3)
		}()
		if page, err := f.Next(t.Context(), feed.At(2), 10); err != nil || page.Events[0].Seq != 3 {
			t.Errorf("%v, %v, want change 3", page, err)
		}
	})
}

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memstore.New()}
		block(t, store.Store, 1)
		for _, poll := range []time.Duration{0, feed.DefaultPoll} {
			s := feed.New(store, poll)
			f := s.Follow(app)
			if age, ok := f.Check(t.Context(), 1); !ok || age > poll {
				t.Errorf("at the head: %v, %v", age, ok)
			}
			if _, ok := f.Check(t.Context(), 0); ok {
				t.Error("behind the head nothing is to come")
			}
			synctest.Wait()
			store.down.Store(true)
			time.Sleep(time.Minute)
			if age, ok := f.Check(t.Context(), 1); ok && age < time.Minute-poll {
				t.Errorf("without a store the list is taken for %v old", age)
			}
			store.down.Store(false)
			time.Sleep(time.Second)
			if age, ok := f.Check(t.Context(), 1); !ok || age > poll {
				t.Errorf("with the store again: %v, %v", age, ok)
			}
			f.Close()
		}
	})
}

// A change whose announcement met a store that failed is told all the same.
func TestFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memstore.New()}
		s := feed.New(store, 0)
		f := s.Follow(app)
		defer f.Close()
		go func() {
			time.Sleep(time.Second)
			store.down.Store(true)
			block(t, s, 1)
			time.Sleep(time.Minute)
			store.down.Store(false)
		}()
		if page, err := f.Next(t.Context(), feed.At(0), 10); err != nil || len(page.Events) != 1 {
			t.Errorf("%v, %v, want the change", page, err)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := feed.New(memstore.New(), 0)
		f := s.Follow(app)
		defer f.Close()
		time.AfterFunc(time.Second, s.Stop)
		if _, err := f.Next(t.Context(), feed.At(0), 10); !errors.Is(err, feed.ErrStopped) {
			t.Errorf("%v, want that the server stops", err)
		}
		s.Stop()
		if c := block(t, s, 1); c.Seq != 1 {
			t.Errorf("a change after the end: %v", c)
		}
	})
}

// Pages end before they get large, and have one change at least.
func TestLargeChanges(t *testing.T) {
	s := feed.New(memstore.New(), 0)
	ids := make([]mpblock.OpenID, 6_000)
	for i := range ids {
		ids[i] = storetest.Numbered(uint64(i))
	}
	for range 10 {
		apply(t, s, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids})
		apply(t, s, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids})
	}
	f := s.Follow(app)
	defer f.Close()
	for at := range uint64(20) {
		page, err := f.Next(t.Context(), feed.At(at), 100)
		if err != nil || len(page.Events) != 1 || page.Events[0].Seq != at+1 || page.Head != 20 {
			t.Fatalf("after %d: %d changes, head %d, %v", at, len(page.Events), page.Head, err)
		}
	}
}

// A change that is larger than what is kept beside it is read once for all who follow.
func TestLargeChangeIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Store: memstore.New()}
		s := feed.New(store, 0)
		ids := make([]mpblock.OpenID, 2_000)
		for i := range ids {
			ids[i] = storetest.Numbered(uint64(i))
		}
		const followers = 100
		var heard atomic.Int64
		var wg sync.WaitGroup
		for range followers {
			wg.Go(func() {
				f := s.Follow(app)
				defer f.Close()
				if page, err := f.Next(t.Context(), feed.At(0), 1); err == nil && len(page.Events) == 1 {
					heard.Add(1)
				}
			})
		}
		synctest.Wait()
		before := store.logs.Load()
		apply(t, s, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids})
		wg.Wait()
		if n := store.logs.Load() - before; n != 1 || heard.Load() != followers {
			t.Errorf("%d of %d heard, by %d readings, want one", heard.Load(), followers, n)
		}
	})
}
