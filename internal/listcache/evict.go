package listcache

import (
	"cmp"
	"slices"
)

// makeRoom has blocks removed in the background until an eighth of the room is
// free, so that no page waits for the lists of other accounts.
func (s *Store) makeRoom() {
	if !s.evicting.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.evicting.Store(false)
		s.evict(s.limit - s.limit/8)
	}()
}

// evict removes the blocks that have not been used for the longest time.
func (s *Store) evict(limit int64) {
	excess := s.kept.Load() - limit
	if excess <= 0 {
		return
	}
	type kept struct {
		of    *list
		block *block
		used  int64
		bytes int64
	}
	var all []kept
	for _, l := range s.lists.Range {
		l := l.(*list) //nolint:forcetypeassert // the map holds nothing else
		l.mu.RLock()
		for _, b := range l.blocks {
			all = append(all, kept{l, b, b.used.Load(), b.bytes()})
		}
		l.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.used, b.used) })
	going := map[*list]map[*block]bool{}
	for _, k := range all {
		if excess <= 0 {
			break
		}
		if going[k.of] == nil {
			going[k.of] = map[*block]bool{}
		}
		going[k.of][k.block] = true
		excess -= k.bytes
	}
	for l, blocks := range going {
		l.work <- struct{}{}
		l.remove(blocks)
		<-l.work
	}
}

// remove removes blocks. The caller has taken work.
func (l *list) remove(blocks map[*block]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks = slices.DeleteFunc(l.blocks, func(b *block) bool {
		if blocks[b] {
			l.cache.kept.Add(-b.bytes())
		}
		return blocks[b]
	})
}
