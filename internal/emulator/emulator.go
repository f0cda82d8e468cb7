// Package emulator bends the API to a test's will: it has the clock that can be set, the
// fault plan under way, and the journal of calls. A server without one of these is the
// engine, and pays nothing for it.
//
// It decides and remembers. What an effect does to a call is internal/api's, what the
// state of the store is, and going back to an earlier one, is internal/server's.
package emulator

import (
	"strings"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/fault"
)

// Emulator is what bends one server. Its methods are safe for concurrent use.
type Emulator struct {
	Clock   *Clock
	Journal *Journal

	spent spent

	mu   sync.Mutex
	play *fault.Play // nil: no plan
	done chan struct{}
	once sync.Once
}

// New returns an emulator with no faults, whose clock is the machine's, and whose
// journal keeps so many calls.
func New(machine mpblock.Clock, calls int) *Emulator {
	return &Emulator{Clock: NewClock(machine), Journal: NewJournal(calls), done: make(chan struct{})}
}

// Strike counts a call, and returns what is to happen to it.
func (e *Emulator) Strike(c fault.Call) (fault.Blow, bool) {
	play := e.playing()
	if play == nil {
		return fault.Blow{}, false
	}
	return play.Strike(c, e.Clock.Now())
}

func (e *Emulator) playing() *fault.Play {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.play
}

// Load begins a plan; the one before it has ended.
func (e *Emulator) Load(p fault.Plan) { e.set(fault.Start(p, e.Clock.Now())) }

// Unload ends the plan under way.
func (e *Emulator) Unload() { e.set(nil) }

func (e *Emulator) set(p *fault.Play) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.play = p
}

// Faults is the plan under way.
type Faults struct {
	Plan  fault.Plan  `json:"plan"`
	State fault.State `json:"state"`
	Ended bool        `json:"ended"` // its time is over
}

// Faults returns the plan under way, nil if there is none.
func (e *Emulator) Faults() *Faults {
	play := e.playing()
	if play == nil {
		return nil
	}
	return &Faults{Plan: play.Plan(), State: play.State(), Ended: play.Ended(e.Clock.Now())}
}

// State is what a snapshot keeps of an Emulator: the journal is not of it.
type State struct {
	Clock  ClockState
	Faults *Faults
	spent  map[spentKey]string
}

// State returns clock and faults as they stand.
func (e *Emulator) State() State { return State{e.Clock.State(), e.Faults(), e.spent.copied()} }

// Restore goes on with clock and faults from where State was taken.
func (e *Emulator) Restore(s State) {
	e.Clock.Restore(s.Clock)
	e.spent.restore(s.spent)
	if s.Faults == nil {
		e.Unload()
		return
	}
	e.set(fault.Resume(s.Faults.Plan, s.Faults.State))
}

// Snapshot is a state that was saved.
type Snapshot struct {
	Name  string    `json:"name"`
	Saved time.Time `json:"saved"` // by the machine's clock
	Clock time.Time `json:"clock"` // what the emulator's clock stood at
}

// Header is the header of the API's answers while something is bent, so that nobody
// takes them for the real service's.
const Header = "X-Mpblock-Emulator"

// Bent returns what is bent at present: "", "faults", "clock" or "faults|clock".
func (e *Emulator) Bent() string {
	var bent []string
	if f := e.playing(); f != nil && !f.Ended(e.Clock.Now()) {
		bent = append(bent, "faults")
	}
	if e.Clock.Bent() {
		bent = append(bent, "clock")
	}
	return strings.Join(bent, "|")
}

// Close lets go of the calls that wait for a fault's time.
func (e *Emulator) Close() { e.once.Do(func() { close(e.done) }) }

// Done is closed by Close.
func (e *Emulator) Done() <-chan struct{} { return e.done }
