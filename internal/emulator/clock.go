package emulator

import (
	"sync"
	"time"

	"mpblock"
)

// Clock is the machine's, which can be set forward and made to stand still. It never
// goes backwards, but for a reset.
type Clock struct {
	machine mpblock.Clock
	mu      sync.Mutex
	state   ClockState
	moved   chan struct{} // closed when it is moved next
}

// ClockState is how a Clock differs from the machine's.
type ClockState struct {
	Ahead  time.Duration `json:"ahead"`           // of the machine's clock, while it runs
	Frozen time.Time     `json:"frozen,omitzero"` // where it stands still
}

var errBackwards = mpblock.NewError(mpblock.Invalid, "clock.backwards",
	"the clock stands at %s: it does not go back to %s, since tokens, quotas and changes already bear the later time; reset the emulator, or restore a snapshot")

var errFar = mpblock.NewError(mpblock.Invalid, "clock.far", "the year %d is too far away: 2200 is the last one that the clock can be set to")

// NewClock returns a clock that is the machine's.
func NewClock(machine mpblock.Clock) *Clock {
	return &Clock{machine: mpblock.ClockOr(machine), moved: make(chan struct{})}
}

// Now implements mpblock.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.state.Frozen.IsZero() {
		return c.state.Frozen
	}
	return c.machine.Now().Add(c.state.Ahead)
}

// Moved returns a channel that is closed when the clock is set otherwise than it is now:
// whoever waits for a time by it looks anew.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// set changes how it differs from the machine's, and wakes up who waits for that.
func (c *Clock) set(s ClockState) {
	c.state = s
	close(c.moved)
	c.moved = make(chan struct{})
}

// Ahead returns by how much it is ahead of the machine's; negative where it stood still
// and was overtaken.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Sub(c.machine.Now())
}

// Bent tells whether it differs from the machine's.
func (c *Clock) Bent() bool { return c.State() != ClockState{} }

// State returns how it differs from the machine's.
func (c *Clock) State() ClockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Restore has it differ from the machine's as it once did: one that stood still stands
// where it stood. It is part of a reset, and the one way back in time.
func (c *Clock) Restore(s ClockState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(s)
}

// Set moves it to a time, forward alone. Where it stood still it goes on doing so.
func (c *Clock) Set(to time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to.Year() > lastYear { // too far for a time.Duration, too
		return errFar.With(to.Year())
	}
	return c.move(to.Sub(c.now()))
}

// Advance moves it forward.
func (c *Clock) Advance(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.move(d)
}

// move moves it forward.
func (c *Clock) move(d time.Duration) error {
	now := c.now()
	to := now.Add(d)
	switch {
	case d < 0:
		return errBackwards.With(now.Format(time.RFC3339), to.Format(time.RFC3339))
	case to.Year() > lastYear:
		return errFar.With(to.Year())
	case c.state.Frozen.IsZero():
		c.set(ClockState{Ahead: c.state.Ahead + d})
	default:
		c.set(ClockState{Ahead: c.state.Ahead, Frozen: to.Round(0)})
	}
	return nil
}

// lastYear is the last one that a clock can be set to. A time.Duration is 292 years at
// most, and a clock that runs has some to go.
const lastYear = 2200

// Freeze has it stand still; set forward it can still be.
func (c *Clock) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Frozen.IsZero() {
		c.set(ClockState{Ahead: c.state.Ahead, Frozen: c.now().Round(0)})
	}
}

// Run has it go on from where it stands.
func (c *Clock) Run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.state.Frozen; !f.IsZero() {
		c.set(ClockState{Ahead: f.Sub(c.machine.Now())})
	}
}
