package server

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"mpblock"
	"mpblock/internal/control"
	"mpblock/internal/emulator"
	"mpblock/internal/memstore"
	"mpblock/internal/seed"
)

// Emulation says that a server is an emulator: it keeps everything in memory, its calls
// can be made to fail, its clock can be set, and it goes back to earlier states.
type Emulation struct {
	Seed    seed.Seed // what it begins with
	Journal int       // calls that are kept; 0: emulator.DefaultJournal
	Listen  string    // address of the control door; "": none
	AnyPort bool      // where Listen is taken, any free port of that host does
}

// emulated is what an emulator has beside other servers.
type emulated struct {
	*emulator.Emulator
	people mpblock.Records // operators and their sessions, which no reset touches
	mu     sync.Mutex      // of changes of the stack
	saved  map[string]snapshot
	began  snapshot
}

// snapshot is a state to go back to.
type snapshot struct {
	store *memstore.Store // never written to
	state emulator.State
	time  time.Time // of the machine, when it was saved
}

// maxSnapshots bounds what is kept in memory.
const maxSnapshots = 100

var (
	errNoEmulator    = mpblock.NewError(mpblock.Unavailable, "emulator.none", "this server is no emulator: start it with --control-listen, or with --demo")
	errStopping      = mpblock.NewError(mpblock.Unavailable, "emulator.stopping", "the emulator is stopping")
	errSnapshotName  = mpblock.NewError(mpblock.Invalid, "snapshot.name", "%q is no name for a snapshot: want 1 to 64 letters, digits, and - _ .")
	errNoSnapshot    = mpblock.NewError(mpblock.NotFound, "snapshot.none", "there is no snapshot %q; there are: %s")
	errManySnapshots = mpblock.NewError(mpblock.Limited, "snapshot.many", "there are %d snapshots, the most that are kept: remove one")
)

// Emulator returns what bends this server; nil if it is no emulator.
func (s *Server) Emulator() *emulator.Emulator {
	if s.emulated == nil {
		return nil
	}
	return s.emulated.Emulator
}

// startControl opens the control door.
func (s *Server) startControl() (err error) {
	e := s.cfg.Emulate
	if e == nil || e.Listen == "" {
		return nil
	}
	open := func(address string) (net.Listener, error) {
		return s.serve(DoorControl, address, &http.Server{
			Handler: control.New(s, s.cfg.Log), ReadHeaderTimeout: headTime, ReadTimeout: readTime, IdleTimeout: idleTime,
		}, opsConns)
	}
	s.control, err = open(e.Listen)
	host, _, split := net.SplitHostPort(e.Listen)
	if errors.Is(err, syscall.EADDRINUSE) && e.AnyPort && split == nil {
		s.control, err = open(net.JoinHostPort(host, "0"))
	}
	return err
}

// ControlURL returns the base URL of the control door as this machine sees it; "" where
// there is none.
func (s *Server) ControlURL() string { return urlOf(s.control, "http") }

// WriteSeed writes the present state as a seed, NDJSON.
func (s *Server) WriteSeed(ctx context.Context, w io.Writer) error {
	if s.emulated == nil {
		return errNoEmulator
	}
	return seed.Write(ctx, w, s.now().seeded())
}

// MarkStart has Reset go back to the present state.
func (s *Server) MarkStart(ctx context.Context) error {
	if s.emulated == nil {
		return errNoEmulator
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	var err error
	s.emulated.began, err = s.snapshot(ctx)
	return err
}

// Reset goes back to the state at the start: accounts and lists, the machine's clock, no
// faults, an empty journal. Operators stay, and stay logged in; snapshots stay too.
func (s *Server) Reset(ctx context.Context) error {
	if s.emulated == nil {
		return errNoEmulator
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	if err := s.goTo(ctx, s.emulated.began); err != nil {
		return err
	}
	s.emulated.Journal.Clear()
	return nil
}

var snapshotName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// SaveSnapshot keeps the present state under a name: accounts, lists, jobs, clock, faults
// and how far their dice have come. A snapshot of that name is replaced. They are kept
// in memory, as all of an emulator's state is.
func (s *Server) SaveSnapshot(ctx context.Context, name string) error {
	switch {
	case s.emulated == nil:
		return errNoEmulator
	case !snapshotName.MatchString(name):
		return errSnapshotName.With(name)
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	if _, replaced := s.emulated.saved[name]; !replaced && len(s.emulated.saved) >= maxSnapshots {
		return errManySnapshots.With(maxSnapshots)
	}
	snap, err := s.snapshot(ctx)
	if err == nil {
		s.emulated.saved[name] = snap
	}
	return err
}

// RestoreSnapshot goes back to a state that was saved, whole; after an error nothing has
// changed. Calls under way end in the state in which they began. Operators are those of
// now; the journal goes on.
func (s *Server) RestoreSnapshot(ctx context.Context, name string) error {
	if s.emulated == nil {
		return errNoEmulator
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	snap, ok := s.emulated.saved[name]
	if !ok {
		return s.noSnapshot(name)
	}
	return s.goTo(ctx, snap)
}

// RemoveSnapshot forgets a state.
func (s *Server) RemoveSnapshot(name string) error {
	if s.emulated == nil {
		return errNoEmulator
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	if _, ok := s.emulated.saved[name]; !ok {
		return s.noSnapshot(name)
	}
	delete(s.emulated.saved, name)
	return nil
}

func (s *Server) noSnapshot(name string) error {
	names := "none"
	for i, n := range slices.Sorted(maps.Keys(s.emulated.saved)) {
		if names += ", " + n; i == 0 {
			names = n
		}
	}
	return errNoSnapshot.With(name, names)
}

// Snapshots returns the states that are saved, by name.
func (s *Server) Snapshots() []emulator.Snapshot {
	if s.emulated == nil {
		return nil
	}
	s.emulated.mu.Lock()
	defer s.emulated.mu.Unlock()
	all := []emulator.Snapshot{}
	for _, name := range slices.Sorted(maps.Keys(s.emulated.saved)) {
		snap := s.emulated.saved[name]
		at := snap.state.Clock.Frozen
		if at.IsZero() {
			at = snap.time.Add(snap.state.Clock.Ahead)
		}
		all = append(all, emulator.Snapshot{Name: name, Saved: snap.time, Clock: at})
	}
	return all
}

// snapshot returns the present state. What the rules have in memory alone is in the
// store then: the quotas are those that were reserved.
func (s *Server) snapshot(ctx context.Context) (snapshot, error) {
	w := s.now()
	if err := w.rules.access.WriteCalls(ctx); err != nil {
		return snapshot{}, err
	}
	store, _ := find[*memstore.Store](w.store)
	return snapshot{store: store.Clone(), state: s.emulated.State(), time: s.machine.Now()}, nil
}

// goTo changes the stack for that of a snapshot.
func (s *Server) goTo(ctx context.Context, snap snapshot) error {
	if s.stopping.Load() {
		return errStopping
	}
	store := snap.store.Clone()
	old := s.now()
	next, err := s.build(ctx, store)
	if err != nil {
		return err
	}
	old.stopWork()
	<-old.worked
	s.emulated.Restore(snap.state)
	if s.working {
		next.work(s.reportWork)
	}
	s.stack.Store(next) // whoever ends it finds its work
	old.feed.Stop()     // who follows the changes asks again, and meets the new log
	if s.admin != nil {
		s.admin.Serve(s.administered(next))
	}
	return nil
}
