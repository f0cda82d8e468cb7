// Package merges decides when Pebble merges tables of the embedded store: one merge at a
// time, as Pebble does by itself, but none before the store is open. Pebble's Open would
// wait for one that is due, which after a crash under load takes longer than all else.
package merges

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// Scheduler is a pebble.CompactionScheduler for one database. The zero value lets no merge
// run until Begin.
type Scheduler struct {
	mu      sync.Mutex
	db      pebble.DBForCompaction
	open    bool           // see Begin
	running bool           // a merge, or one is being offered to the database
	refused bool           // the database was told to wait since the last offer
	closed  bool           // nothing is offered any more
	offers  sync.WaitGroup // calls of the database
}

var _ pebble.CompactionScheduler = (*Scheduler)(nil)

// Begin lets merges run, now that the database is open. Without it one whose tables lie
// too deep would hold its first write for ever.
func (s *Scheduler) Begin() {
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
	s.offer()
}

// Register implements pebble.CompactionScheduler.
func (s *Scheduler) Register(_ int, db pebble.DBForCompaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db = db
}

// Unregister implements pebble.CompactionScheduler.
func (s *Scheduler) Unregister() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.offers.Wait()
}

// TrySchedule implements pebble.CompactionScheduler. A database that is told to wait
// remembers it, and takes the next offer.
func (s *Scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open || s.running || s.closed {
		s.refused = true
		return false, nil
	}
	s.running = true
	return true, grant{s}
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler. What is allowed
// is one merge, whatever the database would have.
func (s *Scheduler) UpdateGetAllowedWithoutPermission() {}

// offer offers a merge to the database if none runs, and again if the database, while it
// said that it wanted none, was told to wait for another.
func (s *Scheduler) offer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.db != nil && s.open && !s.running && !s.closed {
		s.running, s.refused = true, false
		s.offers.Add(1)
		s.mu.Unlock()
		took := s.db.Schedule(grant{s})
		s.offers.Done()
		s.mu.Lock()
		if took { // it may be over by now, and another have begun
			return
		}
		if s.running = false; !s.refused {
			return
		}
	}
}

// grant is the permission for a merge.
type grant struct{ *Scheduler }

// Done implements pebble.CompactionGrantHandle.
func (g grant) Done() {
	g.mu.Lock()
	g.running = false
	g.mu.Unlock()
	g.offer()
}

// Started implements pebble.CompactionGrantHandle.
func (grant) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (grant) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (grant) CumulativeStats(pebble.CompactionGrantHandleStats) {}
