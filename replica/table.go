package replica

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
	"unsafe"
)

// A list lies in many small pieces, each of which is never written again: a change makes
// the pieces that it touches anew and puts them in their places, so that who looks
// something up sees a piece as it was before or after it, and waits for nobody. Pieces are
// ranges of a hash, and within a piece the keys are in its order: so where a key would be
// is known to within a place or two. A piece lies in one stretch of memory, ends and keys:
// at millions of entries nearly all that a look-up takes is to wait for memory, twice.

// key is the 20 bytes that an OpenID holds behind its "o".
type key [20]byte

// keyOf reads an OpenID. What is none is on no list.
func keyOf(openID string) (k key, ok bool) {
	if len(openID) != 28 || openID[0] != 'o' {
		return k, false
	}
	var bad uint32
	at := 0
	for i := 1; i < 25; i += 4 {
		v := value[openID[i]]<<18 | value[openID[i+1]]<<12 | value[openID[i+2]]<<6 | value[openID[i+3]]
		bad |= value[openID[i]] | value[openID[i+1]] | value[openID[i+2]] | value[openID[i+3]]
		k[at], k[at+1], k[at+2] = byte(v>>16), byte(v>>8), byte(v) //nolint:gosec // three bytes of it are meant
		at += 3
	}
	a, b, c := value[openID[25]], value[openID[26]], value[openID[27]]
	v := a<<12 | b<<6 | c
	k[18], k[19] = byte(v>>10), byte(v>>2) //nolint:gosec // two bytes of it are meant
	return k, (bad|a|b|c)&invalid == 0 && c&3 == 0
}

// invalid marks a byte that is none of base64url.
const invalid = 1 << 31

var value = func() (t [256]uint32) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = invalid
	}
	for i := range uint32(len(alphabet)) {
		t[alphabet[i]] = i
	}
	return t
}()

// hash spreads keys evenly: its first bits are the piece, the others the place in it.
// The OpenIDs of an account have the same first bytes, so those count least.
func (k *key) hash() uint64 {
	h := binary.LittleEndian.Uint64(k[4:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(k[12:])*0xc2b2ae3d27d4eb4f ^
		uint64(binary.LittleEndian.Uint32(k[:]))*0x165667b19e3779f9
	return (h ^ h>>32) * 0x9e3779b97f4a7c15
}

// compare orders keys of a piece.
func compare(a, b *key) int {
	if ha, hb := a.hash(), b.hash(); ha != hb {
		return cmp.Compare(ha, hb)
	}
	return bytes.Compare(a[:], b[:])
}

// Sizes of pieces.
const (
	fill    = 12 // keys that they have at most, on average, when a list is read
	split   = 16 // and beyond which there are made twice as many
	minBits = 8  // so that there are 256 at least
)

// table is a list.
type table struct {
	pieces []atomic.Pointer[uint64] // see pack
	bits   int                      // of the hash that name a piece
	count  atomic.Int64
}

func newTable(bits int) *table {
	return &table{pieces: make([]atomic.Pointer[uint64], 1<<bits), bits: bits}
}

// bitsFor returns how many bits name a piece of a list of some length.
func bitsFor(n int) int { return max(minBits, bits.Len(uint(max(0, n-1)/fill))) }

// piece is a view of a piece.
type piece struct {
	keys []key   // in the order of compare
	ends []int64 // of the keys, in milliseconds, 0 for none; nil: none of them has any
}

// pack makes a piece: a word with the number of keys and, in the last bit, whether there
// are ends; the ends; the keys.
func pack(p piece) *uint64 {
	n := len(p.keys)
	if n == 0 {
		return nil
	}
	words := make([]uint64, 1+len(p.ends)+(n*len(key{})+7)/8)
	words[0] = uint64(n) << 1
	if p.ends != nil {
		words[0] |= 1
	}
	to := unpack(&words[0])
	copy(to.keys, p.keys)
	copy(to.ends, p.ends)
	return &words[0]
}

// unpack returns the view of what pack has made.
func unpack(at *uint64) (p piece) {
	if at == nil {
		return p
	}
	n := int(*at >> 1)
	behind := unsafe.Add(unsafe.Pointer(at), 8) //nolint:gosec // pack has made room for all of it
	if *at&1 != 0 {
		p.ends = unsafe.Slice((*int64)(behind), n) //nolint:gosec // likewise
		behind = unsafe.Add(behind, 8*n)
	}
	p.keys = unsafe.Slice((*key)(behind), n) //nolint:gosec // likewise
	return p
}

// find returns the place of a key, or where it would be. Rest is the hash without the bits
// that name the piece.
func (p piece) find(k *key, hash, rest uint64) (int, bool) {
	n := len(p.keys)
	place, _ := bits.Mul64(rest, uint64(n))
	i := int(place) //nolint:gosec // less than n
	for i < n && p.before(i, k, hash) {
		i++
	}
	for i > 0 && !p.before(i-1, k, hash) {
		i--
	}
	return i, i < n && p.keys[i] == *k
}

// before tells whether a key of the piece comes before another.
func (p piece) before(i int, k *key, hash uint64) bool {
	if h := p.keys[i].hash(); h != hash {
		return h < hash
	}
	return bytes.Compare(p.keys[i][:], k[:]) < 0
}

func (p piece) end(i int) int64 {
	if p.ends == nil {
		return 0
	}
	return p.ends[i]
}

// slice returns a part of a piece, without ends if none of it has any.
func (p piece) slice(from, to int) piece {
	out := piece{keys: p.keys[from:to]}
	if p.ends != nil && slices.ContainsFunc(p.ends[from:to], func(end int64) bool { return end != 0 }) {
		out.ends = p.ends[from:to]
	}
	return out
}

// look finds a key.
func (t *table) look(k *key) (at *atomic.Pointer[uint64], p piece, i int, found bool) {
	hash := k.hash()
	at = &t.pieces[hash>>(64-t.bits)]
	p = unpack(at.Load())
	i, found = p.find(k, hash, hash<<t.bits)
	return at, p, i, found
}

// find returns when the entry of a key ends, 0 for never.
func (t *table) find(k *key) (end int64, ok bool) {
	_, p, i, ok := t.look(k)
	if !ok {
		return 0, false
	}
	return p.end(i), true
}

// set puts an entry on the list, or gives it another end. One goroutine changes a table.
func (t *table) set(k key, end int64) {
	at, p, i, found := t.look(&k)
	if found && p.end(i) == end {
		return
	}
	next := piece{keys: p.keys, ends: make([]int64, len(p.keys))}
	copy(next.ends, p.ends)
	if found {
		next.ends[i] = end
	} else {
		next.keys = slices.Insert(slices.Clip(next.keys), i, k)
		next.ends = slices.Insert(next.ends, i, end)
		t.count.Add(1)
	}
	at.Store(pack(next.slice(0, len(next.keys))))
}

// remove takes an entry off the list.
func (t *table) remove(k key) {
	at, p, i, found := t.look(&k)
	if !found {
		return
	}
	next := piece{keys: slices.Concat(p.keys[:i], p.keys[i+1:])}
	if p.ends != nil {
		next.ends = slices.Concat(p.ends[:i], p.ends[i+1:])
	}
	at.Store(pack(next.slice(0, len(next.keys))))
	t.count.Add(-1)
}

// grown returns the same list in twice as many pieces if they have got too long, else the
// table itself.
func (t *table) grown() *table {
	if int(t.count.Load()) <= split*len(t.pieces) {
		return t
	}
	out := newTable(t.bits + 1)
	for n := range t.pieces {
		p := unpack(t.pieces[n].Load())
		second := uint64(2*n + 1)
		half, _ := slices.BinarySearchFunc(p.keys, second, func(k key, piece uint64) int {
			return cmp.Compare(k.hash()>>(64-out.bits), piece)
		})
		out.pieces[2*n].Store(pack(p.slice(0, half)))
		out.pieces[2*n+1].Store(pack(p.slice(half, len(p.keys))))
	}
	out.count.Store(t.count.Load())
	return out
}

// parts is how many parts a builder sorts by themselves.
const parts = 1 << 16

// builder makes a table of many entries at once.
type builder struct {
	keys   [parts][]key
	ending [parts][]ending
	total  int
	size   int // of a part that is begun
}

// ending is an entry with an end.
type ending struct {
	key key
	end int64
}

// newBuilder returns a builder for some number of entries, more or less.
func newBuilder(total int) *builder { return &builder{size: total/parts*9/8 + 4} }

// add adds an entry, each once.
func (b *builder) add(k key, end int64) {
	n := k.hash() >> 48
	if b.keys[n] == nil {
		b.keys[n] = make([]key, 0, b.size)
	}
	b.keys[n] = append(b.keys[n], k)
	if end != 0 {
		b.ending[n] = append(b.ending[n], ending{k, end})
	}
	b.total++
}

// table returns the table, and gives up what it was made of.
func (b *builder) table() *table {
	t := newTable(bitsFor(b.total))
	t.count.Store(int64(b.total))
	var p piece // of several parts, or a part of one
	at := uint64(0)
	put := func() {
		t.pieces[at].Store(pack(p.slice(0, len(p.keys))))
		p.keys, p.ends = p.keys[:0], p.ends[:0]
	}
	for n := range b.keys {
		slices.SortFunc(b.keys[n], func(a, b key) int { return compare(&a, &b) })
		slices.SortFunc(b.ending[n], func(a, b ending) int { return compare(&a.key, &b.key) })
		ends := b.ending[n]
		for _, k := range b.keys[n] {
			if in := k.hash() >> (64 - t.bits); in != at {
				put()
				at = in
			}
			end := int64(0)
			if len(ends) > 0 && ends[0].key == k {
				end, ends = ends[0].end, ends[1:]
			}
			p.keys, p.ends = append(p.keys, k), append(p.ends, end)
		}
		b.keys[n], b.ending[n] = nil, nil
	}
	put()
	return t
}
