package quota

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

// deafStore tells of an error once, of a write that it has made.
type deafStore struct {
	mpblock.Records
	deaf atomic.Bool
}

func (s *deafStore) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	r, err := s.Records.Put(ctx, r)
	if err == nil && s.deaf.CompareAndSwap(true, false) {
		return r, context.DeadlineExceeded
	}
	return r, err
}

// What a node gives back is given back once, where it does not learn that it was too.
func TestQuotaIsGivenBackOnce(t *testing.T) {
	store := &deafStore{Records: memstore.New()}
	q := New(store, mpblock.SystemClock{})
	w := Day(time.Now())
	take := func(limit int) (bool, error) {
		return q.Take(t.Context(), "wx0123456789abcdef", mpblock.CallList, w, limit)
	}
	n := 0
	for range 3 { // of a share of 5
		if took, err := take(100); err != nil || !took {
			t.Fatal(took, err)
		}
		n++
	}
	store.deaf.Store(true)
	if _, err := take(10); err == nil {
		t.Fatal("the store's error is not told")
	}
	for {
		took, err := take(10)
		if err != nil {
			t.Fatal(err)
		}
		if !took {
			break
		}
		n++
	}
	if n > 10 {
		t.Errorf("%d calls went through, the limit is 10", n)
	}
}

// A caller that has waited from one window into the next does not cost the next what
// is reserved of it.
func TestQuotaOfALateCaller(t *testing.T) {
	store := memstore.New()
	q := New(store, mpblock.SystemClock{})
	const app mpblock.AppID = "wx0123456789abcdef"
	before, now := Minute(time.Now().Add(-time.Minute)), Minute(time.Now().Add(time.Minute))
	for _, w := range []Window{now, before, now, before, now} {
		if took, err := q.Take(t.Context(), app, mpblock.CallList, w, 100); err != nil || !took {
			t.Fatal(took, err)
		}
	}
	e, err := kind.Get(t.Context(), store, keyOf(app, mpblock.CallList, now))
	if err != nil || e.Value.Used != 5 { // one share
		t.Errorf("%d calls are reserved, %v", e.Value.Used, err)
	}
}

// What was reserved before a window was cleared is not given back to it.
func TestClear(t *testing.T) {
	store := memstore.New()
	here, there := New(store, mpblock.SystemClock{}), New(store, mpblock.SystemClock{})
	const app mpblock.AppID = "wx0123456789abcdef"
	w := Day(time.Now())
	take := func(q *Counter) bool {
		took, err := q.Take(t.Context(), app, mpblock.CallList, w, 100)
		if err != nil {
			t.Fatal(err)
		}
		return took
	}
	used := func(want int) {
		t.Helper()
		if n, err := here.Used(t.Context(), app, mpblock.CallList, w); err != nil || n != want {
			t.Errorf("used %d, %v; want %d", n, err, want)
		}
	}
	used(0)
	take(here)
	take(here)
	used(2)
	take(there)
	used(2 + 4) // a share of the 95 that were left
	if err := here.Clear(t.Context(), app, mpblock.CallList, w); err != nil {
		t.Fatal(err)
	}
	used(0)
	n := 0
	for took := take(here); took; took = take(here) {
		if n++; n == 1 {
			if err := there.GiveBack(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	used(100)
	if n != 100 {
		t.Errorf("%d calls went through after the clearing, want 100", n)
	}
}
