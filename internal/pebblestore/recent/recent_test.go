package recent

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// What is forgotten is not held by what is remembered behind it.
func TestForgottenChangesAreFreed(t *testing.T) {
	var r Changes
	for seq := range uint64(4) {
		r.Add(mpblock.Change{Seq: seq + 1, Action: mpblock.Block, OpenIDs: []mpblock.OpenID{{byte(seq)}}}, []codec.Effect{{ID: mpblock.OpenID{byte(seq)}}})
	}
	all := r.All
	r.Forget(3)
	if len(r.All) != 1 || r.Since != 3 {
		t.Errorf("%d changes are remembered behind %d", len(r.All), r.Since)
	}
	for _, c := range all[:3] {
		if c.OpenIDs != nil {
			t.Errorf("change %d is held", c.Seq)
		}
	}
}

// What is remembered of OpenIDs is what a map would have, whatever is added and forgotten,
// over all sizes of layers.
func TestLikeAMap(t *testing.T) {
	const changes, ids = 20_000, 30_000
	r, want := Changes{Since: math.MaxUint64}, map[mpblock.OpenID]Last{} // as of an account that was erased
	rnd := rand.New(rand.NewPCG(1, 2))
	any1 := func() (id mpblock.OpenID) {
		binary.BigEndian.PutUint32(id[:], rnd.Uint32N(ids))
		return id
	}
	gone := uint64(0)
	for seq := uint64(1); seq <= changes; seq++ {
		c := mpblock.Change{Seq: seq, Action: mpblock.Block}
		var took []codec.Effect
		for range 1 + rnd.IntN(20) {
			id := any1()
			c.OpenIDs, took = append(c.OpenIDs, id), append(took, codec.Effect{ID: id})
			want[id] = Last{Seq: seq, Since: seq, Blocked: true}
		}
		r.Add(c, took)
		if rnd.IntN(1_000) == 0 || seq == changes {
			upTo := gone + rnd.Uint64N(seq-gone+1)
			if seq == changes/2 || seq == changes {
				upTo = seq
			}
			for !r.Forget(upTo) {
			}
			gone = upTo
		}
		for range 3 {
			id := any1()
			if l, ok := r.Of(&id); ok != (want[id].Seq > gone) || ok && l != want[id] {
				t.Fatalf("behind change %d, of which %d are forgotten: %+v, %v, want %+v", seq, gone, l, ok, want[id])
			}
		}
	}
	if len(r.index.layers) != 0 {
		t.Errorf("%d layers are kept of nothing", len(r.index.layers))
	}
}

// What is forgotten is let go of while more comes.
func TestPiecesAreFreed(t *testing.T) {
	var r Changes
	for seq := uint64(1); seq <= 3*maxLayer; seq++ {
		var id mpblock.OpenID
		binary.BigEndian.PutUint64(id[:], seq)
		r.Add(mpblock.Change{Seq: seq, OpenIDs: []mpblock.OpenID{id}}, []codec.Effect{{ID: id}})
		if seq > 10_000 {
			r.Forget(seq - 10_000)
		}
	}
	kept := 0
	for _, l := range r.index.layers {
		for _, piece := range l.pieces {
			kept += len(piece)
		}
	}
	if kept > 10_000+2*pieceSize {
		t.Errorf("%d OpenIDs are kept of 10,000 that are remembered", kept)
	}
}

// BenchmarkAdd adds changes of 20 OpenIDs to those that are remembered, and forgets them,
// as between two tables.
func BenchmarkAdd(b *testing.B) {
	const changes, size = 10_000, 20
	rnd := rand.NewChaCha8([32]byte{})
	all := make([][]codec.Effect, changes)
	for i := range all {
		all[i] = make([]codec.Effect, size)
		for j := range all[i] {
			_, _ = rnd.Read(all[i][j].ID[:])
		}
	}
	ids := make([]mpblock.OpenID, size)
	b.ReportAllocs()
	n := 0
	var r Changes
	for b.Loop() {
		r.Add(mpblock.Change{Seq: uint64(n) + 1, OpenIDs: ids}, all[n%changes])
		if n++; n%changes == 0 {
			for !r.Forget(uint64(n)) {
			}
		}
	}
}
