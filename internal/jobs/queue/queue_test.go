package queue

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
)

const app, other = mpblock.AppID("wx0123456789abcdef"), mpblock.AppID("wxfedcba9876543210")

// TestRoom has an account take all places that it may, at the same moment.
func TestRoom(t *testing.T) {
	store := memstore.New()
	q := New(store)
	var wg sync.WaitGroup
	var taken atomic.Int64
	for i := range MaxJobs + 20 {
		wg.Go(func() {
			switch err := q.Take(t.Context(), fmt.Sprintf("job-%03d", i), Place{AppID: app, At: 1, Items: 1_000}); {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, ErrFull):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken.Load() != MaxJobs {
		t.Errorf("%d places, want %d", taken.Load(), MaxJobs)
	}
	if err := q.Take(t.Context(), "another", Place{AppID: other, Items: MaxItems - 1}); err != nil {
		t.Errorf("of another account: %v", err)
	}
	if err := q.Room(t.Context(), other, 2); !errors.Is(err, ErrFull) {
		t.Errorf("more OpenIDs than it may have: %v", err)
	}
	if err := Places.Erase(t.Context(), store, "another"); err != nil {
		t.Fatal(err)
	}
	if err := q.Room(t.Context(), other, MaxItems); err != nil {
		t.Errorf("once the other has ended: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Take(t.Context(), "one", Place{AppID: app}); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("of a closed store: %v", err)
	}
}
