//go:build mariadb

package sqlstore

import (
	"context"
	"slices"
	"sync"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore/mariadbtest"
)

// The server is killed under writers, and started again: what was acknowledged is
// there, once, and nothing is there by half.
func TestKilledServer(t *testing.T) {
	server, err := mariadbtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	at, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := openOn(t, at)
	const writers = 16
	var mu sync.Mutex
	told := map[uint64]mpblock.Change{}
	acknowledged := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(told)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(w<<32+i*3, 3)...))
				if err != nil {
					continue // it may have happened
				}
				mu.Lock()
				if _, twice := told[c.Seq]; twice || len(c.OpenIDs) != 3 {
					t.Errorf("told twice of change %d, or half of it: %+v", c.Seq, c)
				}
				told[c.Seq] = c
				mu.Unlock()
			}
		})
	}
	for range 3 {
		n := acknowledged()
		await(t, func() bool { return acknowledged() > n+50 })
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	n := acknowledged()
	await(t, func() bool { return acknowledged() > n+50 })
	stop()
	wg.Wait()
	log, err := s.Changes(t.Context(), app, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range log {
		if len(c.OpenIDs) != 3 {
			t.Errorf("change %d is half of a batch", c.Seq)
		}
		if want, ok := told[c.Seq]; ok && !slices.Equal(want.OpenIDs, c.OpenIDs) {
			t.Errorf("change %d is not what its caller was told", c.Seq)
		}
		delete(told, c.Seq)
	}
	if len(told) > 0 {
		t.Errorf("%d acknowledged changes are lost", len(told))
	}
	t.Logf("%d changes", len(log))
	sound(t, s)
}
