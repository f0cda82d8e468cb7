// Package ttl reads how long something lasts.
package ttl

import (
	"strconv"
	"strings"
	"time"

	"mpblock"
)

const day = 24 * time.Hour

// Want says what Parse reads.
var Want = "want how long it lasts, as 90s, 1h30m or 7d, at most " + strconv.Itoa(int(mpblock.MaxUntil/day)) + "d"

// Parse reads how long something lasts: 90s, 1h30m, 7d; a millisecond at least, and
// mpblock.MaxUntil at most.
func Parse(s string) (d time.Duration, ok bool) {
	d, err := time.ParseDuration(s)
	if days, inDays := strings.CutSuffix(s, "d"); inDays {
		var n uint64
		if n, err = strconv.ParseUint(days, 10, 16); err == nil {
			d = time.Duration(n) * day
		}
	}
	return d, err == nil && d >= time.Millisecond && d <= mpblock.MaxUntil
}
