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
	made   []remade // of the change before, for its memory
}

// block holds all entries of a range.
type block struct {
	low  mpblock.OpenID // the range begins behind it
	high mpblock.OpenID // and ends with it
	run  quoted.Run
	used atomic.Int64 // when a page last needed it, by Store.clock
}

// end is the end of the last range of a list: it sorts behind all OpenIDs.
var end = func() (id mpblock.OpenID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}()

// blockBytes is what a block takes beside its OpenIDs: itself, and its pointer.
const blockBytes = 104

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

// gather collects a page. If it meets a range that is not kept, it is not ok, and
// the gap begins behind the OpenID that it returns. The caller has taken mu or work.
func (l *list) gather(after mpblock.OpenID, limit int) (p quoted.Page, gap mpblock.OpenID, ok bool) {
	p = quoted.Page{Total: l.total, Seq: l.seq}
	now := l.cache.clock.Load()
	i := l.find(after)
	if i < len(l.blocks) && l.blocks[i].high == after {
		i++
	}
	for n, at := 0, after; at != end && n < limit; i++ {
		if i == len(l.blocks) || l.blocks[i].low.Compare(at) > 0 {
			return p, at, false
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
				p.Runs = make([]quoted.Run, 0, 2+min(limit, l.total)/l.cache.block)
			}
			p.Runs = append(p.Runs, run)
		}
		n, at = n+run.Len(), b.high
	}
	return p, gap, true
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

// apply changes what is kept of the OpenIDs of one change. What is new is made before
// the lock is taken, so that no page waits for that. The caller has taken work.
func (l *list) apply(c mpblock.Change) {
	total := l.total
	var made []remade
	switch c.Action {
	case mpblock.Block:
		total += len(c.OpenIDs)
		made = l.remake(c.OpenIDs, union)
	case mpblock.Unblock:
		total -= len(c.OpenIDs)
		made = l.remake(c.OpenIDs, difference)
	default: // an amend moves nobody
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.total = c.Seq, total
	for _, m := range made {
		l.cache.kept.Add(int64(cap(m.run) - cap(m.of.run)))
		m.of.run = m.run
	}
	for _, m := range made {
		if n := m.run.Len(); n < l.cache.minBlock || n > l.cache.maxBlock {
			l.fit(m.of)
		}
	}
	clear(made)
}

// remade is a block, and the OpenIDs that it is to have.
type remade struct {
	of  *block
	run quoted.Run
}

// remake makes anew what some OpenIDs change.
func (l *list) remake(ids []mpblock.OpenID, merge func(quoted.Run, []mpblock.OpenID) quoted.Run) []remade {
	made := l.made[:0]
	for len(ids) > 0 {
		i := l.find(ids[0])
		if i == len(l.blocks) {
			break
		}
		b := l.blocks[i]
		ids = ids[behind(ids, b.low):] // those before it are in no block
		n := behind(ids, b.high)
		if n > 0 {
			made = append(made, remade{b, merge(b.run, ids[:n])})
		}
		ids = ids[n:]
	}
	l.made = made
	return made
}

// union merges OpenIDs in byte order into a run.
func union(run quoted.Run, ids []mpblock.OpenID) quoted.Run {
	out := slices.Grow(quoted.Run(nil), len(run)+quoted.Size(len(ids)))
	for _, id := range ids {
		n := run.Behind(id)
		if n == 0 || run.At(n-1) != id {
			out = append(out, run.Slice(0, n)...).Append(id)
			run = run.Slice(n, run.Len())
		}
	}
	return append(out, run...)
}

// difference leaves OpenIDs in byte order out of a run.
func difference(run quoted.Run, ids []mpblock.OpenID) quoted.Run {
	out := slices.Grow(quoted.Run(nil), len(run))
	for _, id := range ids {
		n := run.Behind(id)
		if n > 0 && run.At(n-1) == id {
			out = append(out, run.Slice(0, n-1)...)
			run = run.Slice(n, run.Len())
		}
	}
	return append(out, run...)
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
		b := &block{low: low, high: high, run: part(n*i/len(blocks), n*(i+1)/len(blocks))}
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
