package lease

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

// link is a node's way to the store, which may be down.
type link struct {
	mpblock.Store
	down      atomic.Bool
	sometimes func() bool // tells that a write is to fail; whether it happens is left open
}

var errDown = errors.New("the store is away")

func (l *link) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	if l.down.Load() {
		return mpblock.Record{}, errDown
	}
	return l.Store.Get(ctx, kind, key)
}

func (l *link) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if l.down.Load() {
		return r, errDown
	}
	fails := l.sometimes != nil && l.sometimes()
	if fails && l.sometimes() {
		return r, errDown
	}
	r, err := l.Store.Put(ctx, r)
	if fails && err == nil {
		return r, errDown // it has happened
	}
	return r, err
}

// nodes returns books of nodes over one store.
func nodes(n int) (links []*link, books []*Book[int]) {
	store := memstore.New()
	for range n {
		l := &link{Store: store}
		links = append(links, l)
		books = append(books, New[int](l, "line", Node(), false))
	}
	return links, books
}

func take(t *testing.T, b *Book[int]) *Lease[int] {
	t.Helper()
	l, err := b.Take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func add(t *testing.T, l *Lease[int]) {
	t.Helper()
	if err := l.Write(t.Context(), func(n *int) { *n++ }); err != nil {
		t.Error(err)
	}
}

func release(t *testing.T, l *Lease[int]) {
	t.Helper()
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, b := nodes(2)
		l := take(t, b[0])
		add(t, l)
		for _, other := range b {
			if l, err := other.Try(t.Context(), "a", false); l != nil || err != nil {
				t.Fatalf("%v, %v while another has it", l, err)
			}
		}
		time.Sleep(10 * Life) // it is renewed all the time
		if l, err := b[1].Try(t.Context(), "a", false); l != nil || err != nil {
			t.Fatalf("%v, %v while another has it", l, err)
		}
		add(t, l)
		release(t, l)
		if err := l.Write(t.Context(), func(*int) {}); !errors.Is(err, ErrLost) {
			t.Errorf("written after it was given up: %v", err)
		}
		begin := time.Now()
		l = take(t, b[1])
		if n := l.Value(); n != 2 || time.Since(begin) != 0 {
			t.Errorf("the state is %d, after %v", n, time.Since(begin))
		}
		release(t, l)
		if s, err := b[0].Peek(t.Context(), "a"); err != nil || s.Holder != "" || s.Value != 2 {
			t.Errorf("%v: %+v", err, s)
		}
	})
}

// Who waits longest gets it, though the holder would have it again at once.
func TestWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, b := nodes(2)
		l := take(t, b[0])
		var wg sync.WaitGroup
		wg.Go(func() { release(t, take(t, b[1])) })
		time.Sleep(2 * look)
		synctest.Wait()
		add(t, l)
		if !l.Wanted() {
			t.Error("nobody waits for it")
		}
		release(t, l)
		if l, err := b[0].Try(t.Context(), "a", true); l != nil || err != nil {
			t.Errorf("%v, %v while another waits", l, err)
		}
		wg.Wait()
		release(t, take(t, b[0]))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l = take(t, b[0])
		if _, err := b[1].Take(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		release(t, l)
		begin := time.Now()
		release(t, take(t, b[0])) // who had waited for it has gone
		if waited := time.Since(begin); waited > 2*turn {
			t.Errorf("waited %v for nobody", waited)
		}
	})
}

// A node that is cut off from the store stops before another begins.
func TestStopsBeforeAnotherBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		links, b := nodes(2)
		l := take(t, b[0])
		work, done := l.Context(t.Context())
		defer done()
		begin := time.Now()
		stopping := make(chan time.Duration, 1)
		context.AfterFunc(work, func() { stopping <- time.Since(begin) })
		links[0].down.Store(true)
		other := take(t, b[1])
		began, stopped := time.Since(begin), <-stopping
		if stopped > Life || began <= Life || began > 2*Life {
			t.Errorf("the one stopped after %v, the other began after %v", stopped, began)
		}
		if !errors.Is(context.Cause(work), ErrLost) || !l.Lost() {
			t.Errorf("it ends with %v", context.Cause(work))
		}
		links[0].down.Store(false)
		if err := l.Write(t.Context(), func(*int) {}); !errors.Is(err, ErrLost) {
			t.Errorf("written by who has lost it: %v", err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
		add(t, other)
		release(t, other)
	})
}

// What a killed node has held is found by whoever looks now and then.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		links, b := nodes(2)
		l := take(t, b[0])
		defer l.Release(t.Context())
		for range 10 {
			time.Sleep(Life / 2)
			if keys, err := b[1].Abandoned(t.Context(), nil); err != nil || len(keys) != 0 {
				t.Fatalf("%v, %v", keys, err)
			}
		}
		links[0].down.Store(true)
		time.Sleep(Life / 2)
		_, _ = b[1].Abandoned(t.Context(), nil)
		time.Sleep(Life + Life/2)
		if keys, err := b[1].Abandoned(t.Context(), nil); err != nil || len(keys) != 1 || keys[0] != "a" {
			t.Errorf("%v, %v", keys, err)
		}
		if err := b[1].Erase(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	})
}

// Whoever has it last loses it with its record.
func TestErased(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := New[int](memstore.New(), "line", "node", alone)
			l := take(t, b)
			add(t, l)
			if err := b.Erase(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			if err := l.Write(t.Context(), func(*int) {}); !errors.Is(err, ErrLost) || !l.Lost() {
				t.Errorf("alone %v: %v", alone, err)
			}
			release(t, l)
		})
	}
}

// Alone, nothing is written but the state.
func TestAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		b := New[int](&link{Store: memstore.New(), sometimes: func() bool { writes++; return false }}, "line", "node", true)
		l := take(t, b)
		if other, err := b.Try(t.Context(), "a", true); other != nil || err != nil {
			t.Fatalf("twice: %v, %v", other, err)
		}
		time.Sleep(10 * Life)
		add(t, l)
		release(t, l)
		if l = take(t, b); l.Value() != 1 || writes != 1 {
			t.Errorf("the state is %d after %d writes", l.Value(), writes)
		}
		release(t, l)
	})
}

// Nodes whose writes fail now and then, in whatever way, and that are cut off from the
// store, never hold it two at a time, and lose no step of the work.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) { manyNodes(t, rand.New(rand.NewPCG(seed, uint64(round)))) })
	}
}

func manyNodes(t *testing.T, dice *rand.Rand) {
	t.Helper()
	var mu, thrown sync.Mutex
	roll := func(n int) int { thrown.Lock(); defer thrown.Unlock(); return dice.IntN(n) }
	links, books := nodes(3)
	var wg sync.WaitGroup
	var holds *Lease[int]
	steps, taken := 0, 0
	for i, b := range books {
		links[i].sometimes = func() bool { return roll(10) == 0 }
		wg.Go(func() {
			for range 20 {
				l, err := b.Take(t.Context(), "a")
				if err != nil {
					continue
				}
				mu.Lock()
				if holds != nil && !holds.Lost() {
					t.Error("two hold it")
				}
				holds, taken = l, taken+1
				if n := l.Value(); n < steps {
					t.Errorf("of %d steps %d are known", steps, n)
				}
				mu.Unlock()
				for range roll(4) {
					if l.Write(t.Context(), func(n *int) { *n++ }) == nil {
						mu.Lock()
						steps = max(steps, l.Value())
						mu.Unlock()
					}
					time.Sleep(time.Duration(roll(5000)) * time.Millisecond)
				}
				if roll(5) == 0 {
					links[i].down.Store(true)
					time.Sleep(time.Duration(roll(20)) * time.Second)
					links[i].down.Store(false)
				}
				mu.Lock()
				if holds == l {
					holds = nil
				}
				mu.Unlock()
				_ = l.Release(t.Context())
			}
		})
	}
	wg.Wait()
	if taken < 30 {
		t.Errorf("taken %d times", taken)
	}
}

// A process that was stopped for longer than its lease lives begins nothing more under it,
// before anything has noticed.
func TestStoppedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, books := nodes(1)
		l := take(t, books[0])
		l.token <- struct{}{}
		until := l.until
		l.until = time.Now()
		<-l.token
		work, cancel := l.Context(t.Context())
		defer cancel()
		if work.Err() == nil || !errors.Is(context.Cause(work), ErrLost) {
			t.Errorf("%v: %v", work.Err(), context.Cause(work))
		}
		l.token <- struct{}{}
		l.until = until
		<-l.token
		if err := l.Renew(t.Context()); err != nil || l.over() {
			t.Errorf("renewed: %v, over %v", err, l.over())
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
