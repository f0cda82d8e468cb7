package check_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/pebblestore"
	"mpblock/internal/storetest"
)

// BenchmarkAccount checks accounts of the embedded store whose entries were made by
// jobs, 2,000 at a time, opened as mpblock check opens them.
func BenchmarkAccount(b *testing.B) {
	const each = 2_000
	for _, entries := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint("entries=", entries), func(b *testing.B) {
			dir := b.TempDir()
			fill(b, dir, entries, each)
			s, err := pebblestore.Open(dir, pebblestore.Options{ReadOnly: true})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var most uint64
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				most = watchHeap(stop)
			}()
			for b.Loop() {
				r, err := check.Account(b.Context(), s, app)
				if err != nil || r.Entries != entries || len(r.Problems) > 0 {
					b.Fatal(r, err)
				}
			}
			close(stop)
			<-done
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
		})
	}
}

func fill(b *testing.B, dir string, entries, each int) {
	b.Helper()
	s, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; from < entries; from += each {
		ids := make([]mpblock.OpenID, each)
		for i := range ids {
			ids[i] = storetest.Numbered(uint64(from + i))
		}
		if _, err := s.Apply(b.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids, Actor: "job:bench", Time: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// watchHeap returns the most that Go's heap held until it is told to stop.
func watchHeap(stop <-chan struct{}) (most uint64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
		select {
		case <-stop:
			return most
		case <-tick.C:
		}
	}
}
