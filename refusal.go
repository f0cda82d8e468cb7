package mpblock

import (
	"fmt"
	"time"
)

// Refusal is the error of a request by an operator that is refused: an account
// that exists already, a setting that makes no sense. It says what is wrong and
// what to do.
type Refusal string

// Error returns the text.
func (r Refusal) Error() string { return string(r) }

// Refused is a Refusal in its parts, for doors that speak more than one language:
// Format names the message, and a translation of it takes the same Args. It wraps
// the Refusal.
type Refused struct {
	Format string
	Args   []any
}

// NewRefusal returns a *Refused.
func NewRefusal(format string, args ...any) error { return &Refused{Format: format, Args: args} }

// Error returns the text in English.
func (r *Refused) Error() string { return fmt.Sprintf(r.Format, r.Args...) }

// Unwrap returns the text as a Refusal.
func (r *Refused) Unwrap() error { return Refusal(r.Error()) }

// Zone is the time zone in which the platform counts days, UTC+8 all year round.
var Zone = time.FixedZone("UTC+8", 8*60*60)

// Day returns the day in Zone, as in 20260131.
func Day(t time.Time) string { return t.In(Zone).Format("20060102") }
