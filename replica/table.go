package replica

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// A list lies in many small pieces, each of which is never written again: a change makes
// the pieces that it touches anew and puts them in their places, so that who looks
// something up sees a piece as it was before or after it, and waits for nobody. Pieces are
// ranges of a hash, and within a piece the keys are in its order: so where a key would be
// is known to within a few places.

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

// shards is how many pieces a list has.
const shards = 1 << 16

// hash spreads keys evenly: the first 16 bits are the piece, the others the place in it.
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

// table is a list.
type table struct {
	shards [shards]atomic.Pointer[shard]
	count  atomic.Int64
}

// shard is a piece of a list. It is never written to.
type shard struct {
	keys []key   // in the order of compare
	ends []int64 // of the keys, in milliseconds, 0 for none; nil: none of them has any
}

// find returns the place of a key, or where it would be.
func (s *shard) find(k *key, hash uint64) (int, bool) {
	if s == nil {
		return 0, false
	}
	n := len(s.keys)
	place, _ := bits.Mul64(hash<<16, uint64(n))
	i := int(place) //nolint:gosec // less than n
	for i < n && s.before(i, k, hash) {
		i++
	}
	for i > 0 && !s.before(i-1, k, hash) {
		i--
	}
	return i, i < n && s.keys[i] == *k
}

// before tells whether a key of the piece comes before another.
func (s *shard) before(i int, k *key, hash uint64) bool {
	if h := s.keys[i].hash(); h != hash {
		return h < hash
	}
	return bytes.Compare(s.keys[i][:], k[:]) < 0
}

func (s *shard) end(i int) int64 {
	if s == nil || s.ends == nil {
		return 0
	}
	return s.ends[i]
}

// find returns when the entry of a key ends, 0 for never.
func (t *table) find(k *key) (end int64, ok bool) {
	hash := k.hash()
	s := t.shards[hash>>48].Load()
	i, ok := s.find(k, hash)
	if !ok {
		return 0, false
	}
	return s.end(i), true
}

// set puts an entry on the list, or gives it another end. One goroutine changes a table.
func (t *table) set(k key, end int64) {
	hash := k.hash()
	p := &t.shards[hash>>48]
	old := p.Load()
	i, found := old.find(&k, hash)
	switch {
	case found && old.end(i) == end:
		return
	case found:
		next := &shard{keys: old.keys, ends: make([]int64, len(old.keys))}
		copy(next.ends, old.ends)
		next.ends[i] = end
		p.Store(next)
		return
	case old == nil:
		old = &shard{}
	}
	next := &shard{keys: slices.Concat(old.keys[:i], []key{k}, old.keys[i:])}
	if end != 0 || old.ends != nil {
		next.ends = make([]int64, len(next.keys))
		if old.ends != nil {
			copy(next.ends, old.ends[:i])
			copy(next.ends[i+1:], old.ends[i:])
		}
		next.ends[i] = end
	}
	p.Store(next)
	t.count.Add(1)
}

// remove takes an entry off the list.
func (t *table) remove(k key) {
	hash := k.hash()
	p := &t.shards[hash>>48]
	old := p.Load()
	i, found := old.find(&k, hash)
	if !found {
		return
	}
	t.count.Add(-1)
	if len(old.keys) == 1 {
		p.Store(nil)
		return
	}
	next := &shard{keys: slices.Concat(old.keys[:i], old.keys[i+1:])}
	if old.ends != nil {
		next.ends = slices.Concat(old.ends[:i], old.ends[i+1:])
	}
	p.Store(next)
}

// builder makes a table of many entries at once.
type builder struct {
	keys   [shards][]key
	ending [shards][]ending
	size   int // of a piece that is begun
}

// ending is an entry with an end.
type ending struct {
	key key
	end int64
}

// newBuilder returns a builder for some number of entries, more or less.
func newBuilder(total int) *builder { return &builder{size: total/shards*9/8 + 4} }

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
}

// table returns the table, and gives up what it was made of.
func (b *builder) table() *table {
	t := &table{}
	for n := range b.keys {
		if len(b.keys[n]) == 0 {
			continue
		}
		slices.SortFunc(b.keys[n], func(a, b key) int { return compare(&a, &b) })
		s := &shard{keys: slices.Clone(b.keys[n])}
		if len(b.ending[n]) > 0 {
			s.ends = make([]int64, len(s.keys))
		}
		for _, e := range b.ending[n] {
			i, _ := s.find(&e.key, e.key.hash())
			s.ends[i] = e.end
		}
		b.keys[n], b.ending[n] = nil, nil
		t.shards[n].Store(s)
		t.count.Add(int64(len(s.keys)))
	}
	return t
}
