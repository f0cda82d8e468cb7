package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
)

// Bench measures a store: pages of 10,000, look-ups and batches of 20 new OpenIDs
// by 1 and by 64 writers, on lists of 10,000 and of 1,000,000 entries. open
// returns an empty store, and arranges for its end.
func Bench(b *testing.B, open func(b *testing.B) mpblock.Store) {
	for _, entries := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint("entries=", entries), func(b *testing.B) {
			s := open(b)
			if err := Fill(b.Context(), s, app, entries); err != nil {
				b.Fatal(err)
			}
			b.Run("Blacklist", func(b *testing.B) { benchBlacklist(b, s, entries) })
			b.Run("States", func(b *testing.B) { benchStates(b, s, entries) })
			for _, writers := range []int{1, 64} {
				b.Run(fmt.Sprint("Apply/writers=", writers), func(b *testing.B) { benchApply(b, s, writers) })
			}
		})
	}
}

func benchBlacklist(b *testing.B, s mpblock.Store, entries int) {
	var after mpblock.OpenID
	for b.Loop() {
		p, err := s.Blacklist(b.Context(), app, after, 10_000)
		if err != nil || p.Total < entries {
			b.Fatal(p.Total, err)
		}
		after = mpblock.OpenID{}
		if len(p.OpenIDs) == 10_000 && entries > 10_000 {
			after = p.OpenIDs[len(p.OpenIDs)-1]
		}
	}
}

func benchStates(b *testing.B, s mpblock.Store, entries int) {
	n := uint64(0)
	for b.Loop() {
		ids := make([]mpblock.OpenID, 20)
		for i := range ids {
			n++
			ids[i] = Numbered(n * 7919 % uint64(entries)) //nolint:gosec // small and positive
		}
		if _, err := s.States(b.Context(), app, ids); err != nil {
			b.Fatal(err)
		}
	}
}

// fresh numbers OpenIDs that no benchmark has blocked yet.
var fresh atomic.Uint64

func benchApply(b *testing.B, s mpblock.Store, writers int) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				first := 1<<40 + fresh.Add(20)
				batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: make([]mpblock.OpenID, 20), Actor: mpblock.ActorAPI, Time: time.Now()}
				for i := range batch.OpenIDs {
					batch.OpenIDs[i] = Numbered(first + uint64(i))
				}
				if _, err := s.Apply(b.Context(), app, batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "batches/s")
}

// Numbered returns the OpenID of a number: distinct, and scattered over the list
// as those of real users are.
func Numbered(n uint64) mpblock.OpenID {
	var user [8]byte
	binary.BigEndian.PutUint64(user[:], n)
	return mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{7}, string(user[:]))
}

// Fill blocks the first n numbered OpenIDs.
func Fill(ctx context.Context, s mpblock.Store, app mpblock.AppID, n int) error {
	for from := 0; from < n; from += mpblock.MaxWrite {
		batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: make([]mpblock.OpenID, min(mpblock.MaxWrite, n-from)), Actor: "fill", Time: time.Now()}
		for i := range batch.OpenIDs {
			batch.OpenIDs[i] = Numbered(uint64(from + i))
		}
		if _, err := s.Apply(ctx, app, batch); err != nil {
			return err
		}
	}
	return nil
}
