// Package budget says whether a call of the platform may be made now: so many a minute and
// a day, by the platform's own clock, each of the three calls for itself, as the platform
// counts them.
//
// Jobs leave a part of the day's calls to people: a fifth at its beginning, and less as
// less of the day is left. What is counted is kept by whoever makes the calls.
package budget

import (
	"path"
	"time"

	"mpblock"
)

// Call is one of the calls that are counted.
type Call int

// The calls.
const (
	Block Call = iota
	Unblock
	List
	calls
)

// Calls are as many as there are of each Call.
type Calls [calls]int

// ByName are the calls by their names.
var ByName = map[string]Call{"batchblacklist": Block, "batchunblacklist": Unblock, "getblacklist": List}

// Limits are the most of each call; 0: no limit.
type Limits struct {
	Minute int `json:"minute,omitempty"`
	Day    int `json:"day,omitempty"`
}

// Told are the most of each call as the platform itself says; 0: it names none.
type Told struct {
	At     time.Time `json:"at"`
	Minute Calls     `json:"minute"`
	Day    Calls     `json:"day"`
}

// unlimited is what stands for no limit of a day's calls.
const unlimited = 1_000_000_000

// Name notes the limits that the platform names for the call at a path, if it is one of those.
func (t *Told) Name(at string, minute, day int) {
	c, ok := ByName[path.Base(at)]
	if !ok {
		return
	}
	if t.Minute[c] = minute; day < unlimited {
		t.Day[c] = day
	}
}

// Or returns the limits of a call: where none is set, what the platform says.
func (l Limits) Or(t Told, c Call) Limits {
	if l.Minute == 0 {
		l.Minute = t.Minute[c]
	}
	if l.Day == 0 {
		l.Day = t.Day[c]
	}
	return l
}

// Days returns the limits of a day, by the names of the calls; 0: none.
func (l Limits) Days(t Told) map[string]int {
	return byName(Calls{Block: l.Or(t, Block).Day, Unblock: l.Or(t, Unblock).Day, List: l.Or(t, List).Day})
}

func byName(n Calls) map[string]int {
	return map[string]int{"batchblacklist": n[Block], "batchunblacklist": n[Unblock], "getblacklist": n[List]}
}

// Used is what was used of a day and of a minute, which are named as of UTC+8.
type Used struct {
	Day      string `json:"day,omitempty"`
	Minute   string `json:"minute,omitempty"`
	OfDay    Calls  `json:"of_day"`
	OfMinute Calls  `json:"of_minute"`

	// What the platform itself has said: of which calls there are no more that day, and
	// no more in that minute.
	DayOver    [calls]bool `json:"day_over"`
	MinuteOver [calls]bool `json:"minute_over"`
}

// Today returns how often each call was made that day, by its name.
func (u Used) Today() map[string]int { return byName(u.OfDay) }

// At returns what is used at a time: nothing yet where a day or a minute has begun.
func (u Used) At(now time.Time) Used {
	if day := mpblock.Day(now); u.Day != day {
		u.Day, u.OfDay, u.DayOver = day, Calls{}, [calls]bool{}
	}
	if minute := now.In(mpblock.Zone).Format("0102 15:04"); u.Minute != minute {
		u.Minute, u.OfMinute, u.MinuteOver = minute, Calls{}, [calls]bool{}
	}
	return u
}

// Plus returns what is used at a time by two together.
func (u Used) Plus(v Used, now time.Time) Used {
	u, v = u.At(now), v.At(now)
	for c := range calls {
		u.OfDay[c] += v.OfDay[c]
		u.OfMinute[c] += v.OfMinute[c]
		u.DayOver[c] = u.DayOver[c] || v.DayOver[c]
		u.MinuteOver[c] = u.MinuteOver[c] || v.MinuteOver[c]
	}
	return u
}

// Spend counts calls, of which there may be less than none: some had been counted that were
// not made after all.
func (u *Used) Spend(n Calls) {
	for c := range calls {
		u.OfDay[c] = max(u.OfDay[c]+n[c], 0)
		u.OfMinute[c] = max(u.OfMinute[c]+n[c], 0)
	}
}

// Verdict is whether a call may be made.
type Verdict int

// The verdicts.
const (
	Go       Verdict = iota
	Minute           // not before the next minute
	Tomorrow         // not before the next day
)

// reserve is the part of a day's calls that jobs leave alone at its beginning.
const reserve = 0.2

// Judge tells whether n calls may be made, by a job or by somebody who waits. Whoever waits
// is not held up by what the platform said before: it may have changed its mind.
func (l Limits) Judge(u Used, c Call, n int, job bool, now time.Time) Verdict {
	u = u.At(now)
	day := float64(l.Day)
	if job {
		day -= day * reserve * NextDay(now).Sub(now).Hours() / 24
		day = max(day, float64(min(n, l.Day))) // a reading that is longer, once: else it would never be made
	}
	switch {
	case l.Day > 0 && float64(u.OfDay[c]+n) > day, job && u.DayOver[c]:
		return Tomorrow
	case l.Minute > 0 && u.OfMinute[c]+n > max(l.Minute, n), job && u.MinuteOver[c]:
		return Minute
	}
	return Go
}

// NextDay returns when the platform's next day begins.
func NextDay(now time.Time) time.Time {
	y, m, d := now.In(mpblock.Zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, mpblock.Zone)
}

// NextMinute returns when the next minute begins.
func NextMinute(now time.Time) time.Time { return now.Truncate(time.Minute).Add(time.Minute) }
