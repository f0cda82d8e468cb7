package filter

import (
	"slices"
	"sync"
)

// Memory bounds what the filters of all accounts take together.
type Memory struct {
	mu   sync.Mutex
	left int
	held []*Filter
}

// NewMemory returns one of so many bytes.
func NewMemory(bytes int64) *Memory { return &Memory{left: int(bytes)} }

// New returns an empty filter with room for so many OpenIDs and some more, which tells
// nothing before Show. It is nil where there is not so much memory.
func (m *Memory) New(ids int) *Filter {
	f := &Filter{memory: m}
	room := max(ids+ids/4, leastRoom)
	if !m.take(f, room*bytesEach) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addLayer(room)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, f)
	return f
}

// take takes memory for a filter, from those that were not of use since it was last
// short, if it has to.
func (m *Memory) take(of *Filter, bytes int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 0; m.left < bytes && i < len(m.held); {
		f := m.held[i]
		if f == of || f.used.Swap(false) || !f.mu.TryLock() { // that is busy is of use
			i++
			continue
		}
		m.left += f.drop()
		f.mu.Unlock()
		m.remove(i)
	}
	if m.left < bytes {
		return false
	}
	m.left -= bytes
	return true
}

// giveBack takes a filter's memory back.
func (m *Memory) giveBack(f *Filter, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left += bytes
	if i := slices.Index(m.held, f); i >= 0 {
		m.remove(i)
	}
}

func (m *Memory) remove(i int) {
	last := len(m.held) - 1
	m.held[i] = m.held[last]
	m.held[last] = nil
	m.held = m.held[:last]
}
