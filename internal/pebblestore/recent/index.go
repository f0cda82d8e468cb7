package recent

import (
	"hash/maphash"

	"mpblock"
)

// A map of OpenIDs takes half a microsecond for each that is remembered, and as long for
// each that is forgotten: it grows to some hundred thousand, moves them time and again, and
// no cache holds it. This is less: what is remembered stays where it is put, one behind the
// other, is found by chains of positions, and is forgotten by the piece.

// Sizes of layers, in OpenIDs: the first one's, how many times as many the next has, and
// the most. Nobody waits for what is there to be moved, and a look-up looks into each.
const (
	firstLayer = 16
	timesLayer = 8
	maxLayer   = 1 << 17
	pieceSize  = 1 << 8
)

// index finds the last change of an OpenID.
type index struct {
	layers []layer // the newest last
}

// layer is a part of an index with room for so many.
type layer struct {
	heads  []uint32  // of chains: the position in the layer, from 1; 0: of none
	pieces [][]entry // those that are forgotten are nil
	used   int
	gone   int // pieces
}

type entry struct {
	id    mpblock.OpenID
	older uint32 // the next one of the chain, as in heads
	last  Last
}

var seed = maphash.MakeSeed()

func (l *layer) head(id *mpblock.OpenID) *uint32 {
	return &l.heads[maphash.Bytes(seed, id[:])&uint64(len(l.heads)-1)] //nolint:gosec // a length
}

// room is for how many a layer has room: its chains are half as many again as short.
func (l *layer) room() int { return len(l.heads) / 2 }

// add adds a change of an OpenID behind all others.
func (x *index) add(id *mpblock.OpenID, last Last) {
	n := len(x.layers)
	if n == 0 || x.layers[n-1].used == x.layers[n-1].room() {
		room := firstLayer
		if n > 0 {
			room = min(timesLayer*x.layers[n-1].room(), maxLayer)
		}
		x.layers = append(x.layers, layer{heads: make([]uint32, 2*room)})
		n++
	}
	l := &x.layers[n-1]
	if l.used%pieceSize == 0 {
		l.pieces = append(l.pieces, make([]entry, 0, min(pieceSize, l.room())))
	}
	head, piece := l.head(id), &l.pieces[l.used/pieceSize]
	*piece = append(*piece, entry{*id, *head, last})
	l.used++
	*head = uint32(l.used) //nolint:gosec // at most maxLayer
}

// find returns the last change of an OpenID, nil if there is none. It may be one that is
// to be forgotten.
func (x *index) find(id *mpblock.OpenID) *Last {
	for i := len(x.layers) - 1; i >= 0; i-- {
		l := &x.layers[i]
		for at := *l.head(id); at != 0; {
			piece := l.pieces[(at-1)/pieceSize]
			if piece == nil { // and so are those behind it
				break
			}
			e := &piece[(at-1)%pieceSize]
			if e.id == *id {
				return &e.last
			}
			at = e.older
		}
	}
	return nil
}

// forget lets go of the pieces in which all is of changes up to a seq.
func (x *index) forget(seq uint64) {
	for len(x.layers) > 0 {
		l := &x.layers[0]
		for ; l.gone < len(l.pieces); l.gone++ {
			piece := l.pieces[l.gone]
			if piece[len(piece)-1].last.Seq > seq {
				return
			}
			if len(piece) < cap(piece) { // there is more to come
				return
			}
			l.pieces[l.gone] = nil
		}
		if l.used < l.room() {
			return
		}
		x.layers[0] = layer{}
		x.layers = x.layers[1:]
	}
}
