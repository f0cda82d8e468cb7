package platform

import (
	"context"
	"time"

	"mpblock"
)

// OverviewDays is how many days an Overview covers.
const OverviewDays = 30

// Overview is how an account is doing.
type Overview struct {
	Totals
	Days    []DayCount    // OverviewDays of them, the oldest first, the last is today
	Reasons []ReasonCount // up to 10, the most used first
	Last    []ChangeRow   // up to 10, newest first
	Calls   []CallCount   // of the API today, by call and code
	Behind  uint64        // changes that Days and Reasons do not count yet: the older the log, the longer it takes at first
}

// DayCount is how many OpenIDs were blocked and unblocked on a day of UTC+8.
type DayCount struct {
	Day       time.Time // its beginning
	Blocked   int
	Unblocked int
}

// ReasonCount is how many OpenIDs were blocked for a reason.
type ReasonCount struct {
	Reason string // "": none was given
	Count  int
}

// CallCount is how often a call was answered with a code.
type CallCount struct {
	Call  mpblock.Call
	Code  mpblock.Code
	Count int
}

// Overview returns how an account is doing.
func (d *Desk) Overview(ctx context.Context, app mpblock.AppID) (Overview, error) {
	return Overview{}, errSoon
}

// CountCall counts a call of the API for the overview. It writes nothing: Run does
// so now and then, and Close at the end. A killed node loses the last 10 seconds.
func (p *Platform) CountCall(app mpblock.AppID, call mpblock.Call, code mpblock.Code) {}
