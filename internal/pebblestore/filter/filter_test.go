package filter

import (
	"encoding/binary"
	"sync"
	"testing"

	"mpblock"
)

func numbered(from, n int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, n)
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][20:], uint64(from+i))
	}
	return ids
}

func holds(t *testing.T, f *Filter, ids []mpblock.OpenID) (n int) {
	t.Helper()
	for i := range ids {
		if f.MayHold(&ids[i]) {
			n++
		}
	}
	return n
}

// A filter holds all that was added to it, and takes few others for that, however often it
// has grown, and while it does.
func TestGrows(t *testing.T) {
	const n = 300_000
	f := NewMemory(4 << 20).New(0)
	if f.Use() || !f.MayHold(&mpblock.OpenID{}) {
		t.Error("a filter that does not have all yet tells something")
	}
	f.Show()
	var reading sync.WaitGroup
	reading.Go(func() {
		ids := numbered(0, n)
		for i := range ids {
			f.MayHold(&ids[i])
		}
	})
	for from := 0; from < n; from += 1000 {
		ids := numbered(from, 1000)
		f.Add(ids)
		if got := holds(t, f, ids); got != len(ids) {
			t.Fatalf("%d of %d are held", got, len(ids))
		}
	}
	reading.Wait()
	if got := holds(t, f, numbered(0, n)); got != n {
		t.Errorf("%d of %d are held", got, n)
	}
	if got := holds(t, f, numbered(n, n)); got > n/50 {
		t.Errorf("%d of %d others are taken for held", got, n)
	}
	if ids := numbered(n, 20); f.MayHoldAny(ids[:0]) != true || f.MayHoldAny(append(ids, numbered(7, 1)...)) != true {
		t.Error("one that is held is overlooked")
	}
}

// A filter of the size that it was made for takes one of a hundred others for held at most.
func TestOthers(t *testing.T) {
	const n = 100_000
	f := NewMemory(1 << 20).New(n)
	f.Add(numbered(0, n))
	f.Show()
	if got := holds(t, f, numbered(n, n)); got > n/100 {
		t.Errorf("%d of %d others are taken for held", got, n)
	}
}

// Where memory is short, a filter that was of no use since it was last so makes way for
// another; one that cannot grow is given up, and tells nothing.
func TestMemory(t *testing.T) {
	m := NewMemory(2 * leastRoom * bytesEach)
	idle, busy := m.New(1), m.New(1)
	idle.Show()
	busy.Show()
	if !idle.Use() || !busy.Use() || m.New(1) != nil {
		t.Error("memory is given twice")
	}
	busy.Use()
	third := m.New(1)
	if third == nil || idle.Use() || !busy.Use() || !idle.MayHold(&mpblock.OpenID{}) {
		t.Error("what is of no use has not made way, or what is of use has")
	}
	third.Show()
	third.Add(numbered(0, leastRoom))
	busy.Use()
	third.Add(numbered(leastRoom, 1))
	if third.Use() || !third.MayHold(&mpblock.OpenID{}) {
		t.Error("one that has no room is of use")
	}
	if busy.GiveUp(); m.left != 2*leastRoom*bytesEach || len(m.held) != 0 {
		t.Errorf("%d bytes are left, %d filters held", m.left, len(m.held))
	}
	third.Add(numbered(0, 1)) // nothing comes of it
	if m.left != 2*leastRoom*bytesEach {
		t.Error("one that was given up takes memory")
	}
	var none *Filter
	none.Add(nil)
	none.GiveUp()
	if none.Use() || !none.MayHold(&mpblock.OpenID{}) {
		t.Error("what is not there tells something")
	}
}
