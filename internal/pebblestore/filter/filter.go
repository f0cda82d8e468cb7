// Package filter keeps in memory which OpenIDs an account of the embedded store may know:
// those that are or were blocked, and now and then another. Most of what a batch asks for
// is new; so it need not be looked for in tables.
package filter

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"mpblock"
)

// An OpenID sets six bits of a block of two words, which lie in one line of the
// processor's cache. With sixteen bits for each, three of a thousand that were never added
// are taken for known.
const (
	bytesEach = 2
	wordBits  = 64
	blockSize = 2 * wordBits / 8
)

// leastRoom is for how many OpenIDs the first layer of a filter has room.
const leastRoom = 1 << 10

// A filter that is full makes room for so many times as many as it has, while it is small:
// each layer costs a look-up as much as another. A large one makes room for half as many.
const (
	timesRoom = 3
	smallRoom = 1 << 20
)

// Filter is what may be known of one account.
type Filter struct {
	memory *Memory
	used   atomic.Bool // since memory was last short
	// shown are the layers once all that was there before is in them; nil before that, and
	// once the filter has been given up.
	shown atomic.Pointer[[]layer]

	mu     sync.Mutex // held while bits are set
	layers []layer    // nil once it has been given up
	room   int        // for how many more the last has
	total  int        // for how many all have
}

// layer is a part of a filter with room for so many.
type layer []atomic.Uint64

var seed = maphash.MakeSeed()

// bits returns where an OpenID lies in a layer, and which bits it has there.
func (l layer) bits(h uint64) (at int, first, second uint64) {
	blocks := uint64(len(l) / 2)
	at = int((h >> 32 * blocks) >> 32 * 2)
	first = 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63)
	second = 1<<(h>>18&63) | 1<<(h>>24&63) | 1<<((h>>30^h>>37)&63)
	return at, first, second
}

// MayHold tells whether an OpenID may have been added. It is always so of a filter that
// does not hold all yet, and of none.
func (f *Filter) MayHold(id *mpblock.OpenID) bool {
	if f == nil {
		return true
	}
	shown := f.shown.Load()
	if shown == nil {
		return true
	}
	h := maphash.Bytes(seed, id[:])
	for _, l := range *shown {
		at, first, second := l.bits(h)
		if l[at].Load()&first == first && l[at+1].Load()&second == second {
			return true
		}
	}
	return false
}

// MayHoldAny tells whether any of some OpenIDs may have been added.
func (f *Filter) MayHoldAny(ids []mpblock.OpenID) bool {
	for i := range ids {
		if f.MayHold(&ids[i]) {
			return true
		}
	}
	return len(ids) == 0
}

// Use tells whether the filter is of use, and has it kept where memory is short.
func (f *Filter) Use() bool {
	if f == nil || f.shown.Load() == nil {
		return false
	}
	if !f.used.Load() {
		f.used.Store(true)
	}
	return true
}

// Add adds OpenIDs.
func (f *Filter) Add(ids []mpblock.OpenID) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range ids {
		if f.layers == nil || f.room == 0 && !f.grow() {
			return
		}
		f.room--
		l := f.layers[len(f.layers)-1]
		at, first, second := l.bits(maphash.Bytes(seed, ids[i][:]))
		l[at].Or(first)
		l[at+1].Or(second)
	}
}

// grow adds a layer, or gives the filter up. The caller holds the lock.
func (f *Filter) grow() bool {
	more := max(min(timesRoom*f.total, smallRoom), f.total/2)
	if !f.memory.take(f, more*bytesEach) {
		f.giveUp()
		return false
	}
	f.addLayer(more)
	if shown := f.shown.Load(); shown != nil {
		layers := f.layers
		f.shown.Store(&layers)
	}
	return true
}

func (f *Filter) addLayer(room int) {
	f.layers = append(f.layers[:len(f.layers):len(f.layers)], make(layer, (room*bytesEach+blockSize-1)/blockSize*2))
	f.room, f.total = room, f.total+room
}

// Show has the filter tell what it holds: all that was there when it was made has been
// added.
func (f *Filter) Show() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.layers != nil {
		layers := f.layers
		f.shown.Store(&layers)
	}
}

// GiveUp ends the filter, and gives its memory back.
func (f *Filter) GiveUp() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.giveUp()
}

func (f *Filter) giveUp() {
	if f.layers != nil {
		f.memory.giveBack(f, f.drop())
	}
}

// drop drops what the filter has, and returns how many bytes that was. The caller holds
// the lock.
func (f *Filter) drop() int {
	f.shown.Store(nil)
	f.layers = nil
	return f.total * bytesEach
}
