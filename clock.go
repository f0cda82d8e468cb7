package mpblock

import "time"

// Clock says what time it is for facts: when a change was made, when a token, a quota's
// window, a session or a record ends, which day it is. How long something takes, and
// for how long to wait, is measured by the machine and not by a Clock, which may stand
// still, or leap.
type Clock interface{ Now() time.Time }

// SystemClock is the machine's own.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// ClockOr returns a clock, or the machine's where it is nil.
func ClockOr(c Clock) Clock {
	if c == nil {
		return SystemClock{}
	}
	return c
}
