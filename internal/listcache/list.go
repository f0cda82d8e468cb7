package listcache

import (
	"context"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"mpblock"
	"mpblock/internal/quoted"
)

// list is what is kept of one account's blacklist.
type list struct {
	cache *Store
	app   mpblock.AppID

	// work is held by the one that changes what is kept, while it reads from the
	// store too; mu only while it changes it.
	work chan struct{}
	mu   sync.RWMutex

	// reading is closed when the page that reads at present has read, so that all
	// who wait for the same go on at once, and not one after the other.
	waiting sync.Mutex
	reading chan struct{}

	seq    uint64   // the change as of which all blocks are true
	total  int      // length of the whole list then
	blocks []*block // in byte order; where one does not begin at the end of the one before, a range is not kept
	met    []met    // of the change before, for its memory
}

// block holds all entries of a range.
type block struct {
	low  mpblock.OpenID // the range begins behind it
	high mpblock.OpenID // and ends with it
	run  quoted.Run
	used atomic.Int64 // when a page last needed it, by Store.clock

	readers *quoted.Readers // of run: pages that have been given out
}

// end is the end of the last range of a list: it sorts behind all OpenIDs.
var end = func() (id mpblock.OpenID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}()

// blockBytes is what a block takes beside its OpenIDs: itself, its readers, and its pointer.
const blockBytes = 120

func (b *block) bytes() int64 { return int64(cap(b.run)) + blockBytes }

// enter makes the caller the one that reads, who is to leave, or returns what is
// closed when the one that is has read.
func (l *list) enter() (others <-chan struct{}, mine bool) {
	l.waiting.Lock()
	defer l.waiting.Unlock()
	if l.reading != nil {
		return l.reading, false
	}
	l.reading = make(chan struct{})
	return nil, true
}

func (l *list) leave() {
	l.waiting.Lock()
	defer l.waiting.Unlock()
	close(l.reading)
	l.reading = nil
}

// page answers from what is kept, if that is true as of a change or a later one.
func (l *list) page(after mpblock.OpenID, limit int, seq uint64) (quoted.Page, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.seq < seq {
		return quoted.Page{}, false
	}
	p, _, ok := l.gather(after, limit)
	return p, ok
}

// gap is a range that is not kept.
type gap struct {
	after mpblock.OpenID // it begins behind this one
	have  int            // so many of the page are before it
}

// gather collects a page, or finds the first gap in it. The caller has taken mu or work,
// and releases the page.
func (l *list) gather(after mpblock.OpenID, limit int) (p quoted.Page, missing gap, ok bool) {
	p = quoted.Page{Total: l.total, Seq: l.seq}
	now := l.cache.clock.Load()
	i := l.find(after)
	if i < len(l.blocks) && l.blocks[i].high == after {
		i++
	}
	for n, at := 0, after; at != end && n < limit; i++ {
		if i == len(l.blocks) || l.blocks[i].low.Compare(at) > 0 {
			p.Release()
			return p, gap{at, n}, false
		}
		b := l.blocks[i]
		if b.used.Load() != now {
			b.used.Store(now)
		}
		from := 0
		if b.low != at {
			from = b.run.Behind(at)
		}
		run := b.run.Slice(from, min(b.run.Len(), from+limit-n))
		if len(run) > 0 {
			if p.Runs == nil {
				p.Grow(2 + min(limit, l.total)/l.cache.block)
			}
			p.Hold(run, b.readers)
		}
		n, at = n+run.Len(), b.high
	}
	return p, gap{}, true
}

// find returns the place of the first block that does not end before an OpenID.
func (l *list) find(id mpblock.OpenID) int {
	return sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].high.Compare(id) >= 0 })
}

// behind returns how many of some OpenIDs in byte order are not behind one.
func behind(ids []mpblock.OpenID, id mpblock.OpenID) int {
	return sort.Search(len(ids), func(i int) bool { return ids[i].Compare(id) > 0 })
}

// catchUp applies the changes up to a seq. The caller has taken work.
func (l *list) catchUp(ctx context.Context, seq uint64) error {
	lag := 0
	for l.seq < seq && len(l.blocks) > 0 {
		changes, err := l.cache.Changes(ctx, l.app, l.seq, int(min(seq-l.seq, changesAtOnce)))
		if err != nil {
			return err
		}
		for _, c := range changes {
			lag += len(c.OpenIDs)
		}
		if len(changes) == 0 || lag > l.cache.lag {
			l.forget()
			return nil
		}
		for _, c := range changes {
			l.apply(c)
		}
	}
	return nil
}

// forget gives up what is kept. The caller has taken work.
func (l *list) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.blocks {
		l.cache.kept.Add(-b.bytes())
	}
	l.blocks = nil
}

// apply changes what is kept of the OpenIDs of one change. The caller has taken work.
func (l *list) apply(c mpblock.Change) {
	total, edit := l.total, insert
	switch c.Action {
	case mpblock.Block:
		total += len(c.OpenIDs)
	case mpblock.Unblock:
		total -= len(c.OpenIDs)
		edit = remove
	default: // an amend moves nobody
		c.OpenIDs = nil
	}
	met := l.meet(c.OpenIDs)
	for i := range met {
		if m := &met[i]; !m.of.mayEdit(len(m.ids)) { // so that no page waits for it
			m.run = edit(m.of.copy(len(m.ids)), m.ids)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.total = c.Seq, total
	for _, m := range met {
		b := m.of
		l.cache.kept.Add(-b.bytes())
		switch {
		case m.run != nil:
			b.run, b.readers = m.run, new(quoted.Readers)
		case b.mayEdit(len(m.ids)):
			b.run = edit(b.run, m.ids)
		default: // a page has come meanwhile
			b.run, b.readers = edit(b.copy(len(m.ids)), m.ids), new(quoted.Readers)
		}
		l.cache.kept.Add(b.bytes())
	}
	for _, m := range met {
		if n := m.of.run.Len(); n < l.cache.minBlock || n > l.cache.maxBlock {
			l.fit(m.of)
		}
	}
	clear(met)
}

// met is a block, and the OpenIDs of a change that fall into its range.
type met struct {
	of  *block
	ids []mpblock.OpenID
	run quoted.Run // that takes the place of its own; nil: that is edited
}

// meet returns what some OpenIDs fall into.
func (l *list) meet(ids []mpblock.OpenID) []met {
	all := l.met[:0]
	for len(ids) > 0 {
		i := l.find(ids[0])
		if i == len(l.blocks) {
			break
		}
		b := l.blocks[i]
		ids = ids[behind(ids, b.low):] // those before it are in no block
		n := behind(ids, b.high)
		if n > 0 {
			all = append(all, met{of: b, ids: ids[:n]})
		}
		ids = ids[n:]
	}
	l.met = all
	return all
}

// spare is for how many more OpenIDs a copy has room.
const spare = 8

// mayEdit tells whether so many OpenIDs may come or go where the block's own lie: nobody
// reads there, there is room, and not far too much of it.
func (b *block) mayEdit(ids int) bool {
	return b.readers.None() && cap(b.run)-len(b.run) >= quoted.Size(ids) && cap(b.run) <= 2*len(b.run)
}

// copy returns the block's OpenIDs in memory of their own, with room for more.
func (b *block) copy(ids int) quoted.Run {
	return append(slices.Grow(quoted.Run(nil), len(b.run)+quoted.Size(ids+spare)), b.run...)
}

// insert puts OpenIDs in byte order into a run that has room for them.
func insert(run quoted.Run, ids []mpblock.OpenID) quoted.Run {
	for _, id := range ids {
		if n := run.Behind(id); n == 0 || run.At(n-1) != id {
			run = run.Insert(n, id)
		}
	}
	return run
}

// remove takes OpenIDs out of a run.
func remove(run quoted.Run, ids []mpblock.OpenID) quoted.Run {
	for _, id := range ids {
		if n := run.Behind(id); n > 0 && run.At(n-1) == id {
			run = run.Delete(n - 1)
		}
	}
	return run
}

// fit splits a block that has got too large, or joins it to a neighbour if it is too
// small. The caller has taken mu.
func (l *list) fit(b *block) {
	i := l.find(b.high)
	if i == len(l.blocks) || l.blocks[i] != b {
		return // joined to one that was fitted before
	}
	run := b.run
	first, last := i, i
	if n := run.Len(); n < l.cache.minBlock {
		switch room := l.cache.block - n; {
		case i+1 < len(l.blocks) && l.blocks[i+1].low == b.high && l.blocks[i+1].run.Len() <= room:
			last++
			run = slices.Concat(run, l.blocks[last].run)
		case i > 0 && l.blocks[i-1].high == b.low && l.blocks[i-1].run.Len() <= room:
			first--
			run = slices.Concat(l.blocks[first].run, run)
		}
	}
	if run.Len() <= l.cache.maxBlock && first == last { // it has no neighbour with room
		return
	}
	used := max(l.blocks[first].used.Load(), l.blocks[last].used.Load())
	l.put(first, last+1, l.cut(l.blocks[first].low, l.blocks[last].high, run.Len(), used, func(from, to int) quoted.Run {
		return slices.Clone(run.Slice(from, to)) // so that a block that goes frees its memory
	}))
}

// put puts blocks in the place of others.
func (l *list) put(from, to int, blocks []*block) {
	for _, b := range l.blocks[from:to] {
		l.cache.kept.Add(-b.bytes())
	}
	for _, b := range blocks {
		l.cache.kept.Add(b.bytes())
	}
	l.blocks = slices.Replace(l.blocks, from, to, blocks...)
}

// cut makes the blocks of a range out of its n entries, of which part makes a run
// that shares no memory.
func (l *list) cut(low, high mpblock.OpenID, n int, used int64, part func(from, to int) quoted.Run) []*block {
	blocks := make([]*block, max(1, (n+l.cache.block-1)/l.cache.block))
	for i := range blocks {
		b := &block{low: low, high: high, run: part(n*i/len(blocks), n*(i+1)/len(blocks)), readers: new(quoted.Readers)}
		if i < len(blocks)-1 {
			b.high = b.run.Last()
		}
		b.used.Store(used)
		low = b.high
		blocks[i] = b
	}
	return blocks
}

// keep puts what was read behind an OpenID, of which at most want were asked for,
// where it belongs. It fails if that is older than what is kept. The caller has
// taken work.
func (l *list) keep(after mpblock.OpenID, p mpblock.Page, want int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) > 0 && l.seq != p.Seq {
		return false
	}
	l.seq, l.total = p.Seq, p.Total
	high, ids := end, p.OpenIDs
	if len(ids) == want {
		high = ids[want-1]
	}
	i := l.find(after)
	if i < len(l.blocks) && l.blocks[i].high == after {
		i++
	}
	if i < len(l.blocks) && l.blocks[i].low.Compare(high) < 0 {
		high = l.blocks[i].low
		ids = ids[:behind(ids, high)]
	}
	l.put(i, i, l.cut(after, high, len(ids), l.cache.clock.Load(), func(from, to int) quoted.Run {
		return quoted.Quote(ids[from:to])
	}))
	return true
}
