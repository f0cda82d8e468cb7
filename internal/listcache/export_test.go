package listcache

import "mpblock"

// NewSmall returns a Store with blocks so small that a few entries split and join
// them, and with room for so many bytes.
func NewSmall(store mpblock.Store, bytes int64) *Store {
	s := New(store, bytes)
	s.sizes = sizes{block: 3, maxBlock: 4, minBlock: 2, read: 2, lag: 6}
	return s
}

// Evict removes the blocks that have not been used for the longest time, as when
// room is short.
func (s *Store) Evict(limit int64) { s.evict(limit) }
