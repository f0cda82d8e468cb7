package replica_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/replica"
)

// numbered returns the OpenID with a number, as they are of one account.
func numbered(n int) string {
	var raw [20]byte
	copy(raw[:], "\x00\x01\x02\x03")
	x := uint64(n) * 0x9e3779b97f4a7c15
	binary.BigEndian.PutUint64(raw[4:], x^x>>31)
	binary.BigEndian.PutUint64(raw[12:], uint64(n))
	return "o" + base64.RawURLEncoding.EncodeToString(raw[:])
}

// heap returns what is in use after a collection, in bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemory bounds what entries take beside what an empty list does.
func TestMemory(t *testing.T) {
	const n = 1_000_000
	empty := replica.Filled(numbered, 0, 0)
	for every, most := range map[int]float64{0: 35, 1: 40} { // 400 MB at 10,000,000
		before := heap()
		r := replica.Filled(numbered, n, every)
		each := (float64(heap()) - float64(before)) / n
		t.Logf("one of %d with an end: %.1f bytes each", every, each)
		if each > most {
			t.Errorf("one of %d with an end: %.1f bytes each, want %v at most", every, each, most)
		}
		if r.Len() != n || !r.Blocked(numbered(n-1)) || r.Blocked(numbered(n)) {
			t.Error("the list is another")
		}
	}
	runtime.KeepAlive(empty)
}

func TestNoAllocation(t *testing.T) {
	r := replica.Filled(numbered, 10_000, 3)
	in, out := numbered(3), numbered(10_001)
	if n := testing.AllocsPerRun(1_000, func() {
		if !r.Blocked(in) || r.Blocked(out) {
			t.Error("the list is another")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLookedUpWhileChanged looks up under changes: who stays is always there.
func TestLookedUpWhileChanged(t *testing.T) {
	const n = 100_000
	r := replica.Filled(numbered, n, 0)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; !stop.Load(); i++ {
			r.Change(numbered(n+i%1_000), i/1_000%2 == 0)
		}
	}()
	for i := range 300_000 {
		if !r.Blocked(numbered(i % n)) {
			t.Fatalf("%d is not blocked", i%n)
		}
	}
	stop.Store(true)
	<-done
}

// TestGrows puts people on a list and takes them off, from none to many and back.
func TestGrows(t *testing.T) {
	const n = 50_000
	r := replica.Filled(numbered, 0, 0)
	for i := range n {
		r.Change(numbered(i), true)
	}
	if most := 16; r.Pieces()*most < n {
		t.Errorf("%d entries in %d pieces, want %d in one at most", n, r.Pieces(), most)
	}
	for i := range 2 * n {
		if r.Blocked(numbered(i)) != (i < n) {
			t.Fatalf("%d of %d is on the wrong side", i, n)
		}
	}
	for i := range n {
		if i%3 > 0 {
			r.Change(numbered(i), false)
		}
	}
	for i := range n {
		if r.Blocked(numbered(i)) != (i%3 == 0) {
			t.Fatalf("%d of %d is on the wrong side", i, n)
		}
	}
	if want := (n + 2) / 3; r.Len() != want {
		t.Errorf("%d entries, want %d", r.Len(), want)
	}
}

// BenchmarkBlocked looks up beside a Go map, of which half are on the list.
func BenchmarkBlocked(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000, 10_000_000} {
		ids := make([]string, 1<<16)
		for i := range ids {
			ids[i] = numbered(i * 7919 % (2 * n))
		}
		b.Run(fmt.Sprintf("map/%d", n), func(b *testing.B) {
			before := heap()
			m := make(map[string]struct{}, n)
			for i := range n {
				m[numbered(i)] = struct{}{}
			}
			size := heap() - before
			b.ResetTimer()
			for i := range b.N {
				_ = m[ids[i&(len(ids)-1)]]
			}
			b.ReportMetric(float64(size)/1e6, "MB")
		})
		for name, every := range map[string]int{"replica": 0, "replica, all with ends": 1} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				before := heap()
				r := replica.Filled(numbered, n, every)
				size := heap() - before
				b.ResetTimer()
				for i := range b.N {
					_ = r.Blocked(ids[i&(len(ids)-1)])
				}
				b.ReportMetric(float64(size)/1e6, "MB")
			})
		}
	}
}

// BenchmarkBlockedWhileChanged looks up while a list takes in changes all the time.
func BenchmarkBlockedWhileChanged(b *testing.B) {
	const n = 1_000_000
	r := replica.Filled(numbered, n, 0)
	var stop atomic.Bool
	done := make(chan int)
	go func() {
		i := 0
		for ; !stop.Load(); i++ {
			r.Change(numbered(n+i%1_000), i/1_000%2 == 0)
		}
		done <- i
	}()
	ids := make([]string, 1<<16)
	for i := range ids {
		ids[i] = numbered(i * 7919 % (2 * n))
	}
	b.ResetTimer()
	began := time.Now()
	for i := range b.N {
		_ = r.Blocked(ids[i&(len(ids)-1)])
	}
	took := time.Since(began)
	stop.Store(true)
	b.ReportMetric(float64(<-done)/took.Seconds(), "changes/s")
}
