// Package stage says how far a change is on its way to the platform, from what is written
// down of the account there and of the job.
package stage

import (
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
)

// Name names a stage.
type Name string

// The stages.
const (
	Waiting Name = "waiting" // for the platform
	Done    Name = "done"    // the platform has acknowledged it
	Refused Name = "refused" // by the platform
	Unknown Name = "unknown" // an answer was lost: it is being checked
)

// Why is why a change waits, or why nothing is known of it.
type Why string

// The reasons.
const (
	WhyDay     Why = "day"     // the day's calls are used up, or left to people
	WhyMinute  Why = "minute"  // the minute's calls are used up
	WhyFailing Why = "failing" // the platform, or the way there
	WhyBefore  Why = "before"  // another change is to be settled before
	WhyDoubt   Why = "doubt"   // the platform's list was read and is not believed: a person decides
)

// Stage is how far a change is, and why no further. The zero Stage: it is under way.
type Stage struct {
	Name    Name      `json:"name"`
	Why     Why       `json:"why,omitempty"`
	Until   time.Time `json:"until,omitzero"`    // when it goes on, at the latest
	Since   time.Time `json:"since,omitzero"`    // when it began to be so
	Code    int       `json:"code,omitempty"`    // with which the platform refuses it
	OpenIDs int       `json:"openids,omitempty"` // of which nothing is known
	Text    string    `json:"text,omitempty"`    // what the platform said, or what failed, in English

	Key  string   `json:"-"` // of the error that Text is of, and
	Args []string `json:"-"` // what is put into it
}

// Delay is why a job did not go on when it was tried last: a jobs.Delay.
type Delay struct {
	Since, Last time.Time
	Done        int

	Key  string
	Args []string
	Text string
}

// Of returns how far a change by an actor is that goes on until it is done, as jobs do:
// delay is what was in its way last, nil if nothing was.
func Of(st upstream.State, actor string, a mpblock.Action, delay *Delay, now time.Time) Stage {
	in := st.Unsettled
	mine, open := in != nil && in.Actor == actor, in != nil && !in.Lost.IsZero()
	switch {
	case mine && open:
		return Left(in)
	case delay == nil, mine && in.Done > 0 && in.Since.After(delay.Last):
		return budgeted(st, a, now) // it goes on
	case delay.lost() && open:
		return Stage{Name: Waiting, Why: WhyBefore, Since: in.Lost}
	case delay.lost():
		return Stage{} // it is settled by now, and goes on
	}
	s := delay.stage()
	if !s.Until.IsZero() && !s.Until.After(now) {
		return budgeted(st, a, now)
	}
	return s
}

// Left returns how far a change is that is under way, or was left behind.
func Left(in *upstream.Unsettled) Stage {
	if in.Lost.IsZero() {
		return Stage{}
	}
	s := Stage{Name: Unknown, Since: in.Lost, OpenIDs: in.Unknown}
	if in.Doubt {
		s.Why = WhyDoubt
	}
	return s
}

// budgeted is the stage of a change with nothing but the budget in its way.
func budgeted(st upstream.State, a mpblock.Action, now time.Time) Stage {
	call := budget.Unblock
	if a == mpblock.Block {
		call = budget.Block
	}
	switch st.Limits.Or(st.Told, call).Judge(st.Used, call, 1, true, now) {
	case budget.Tomorrow:
		return Stage{Name: Waiting, Why: WhyDay, Until: budget.NextDay(now)}
	case budget.Minute:
		return Stage{Name: Waiting, Why: WhyMinute, Until: budget.NextMinute(now)}
	case budget.Go:
	}
	return Stage{}
}

// lost tells whether what was in the way is a change of which nothing is known.
func (d *Delay) lost() bool {
	return strings.HasPrefix(d.Key, "upstream.lost") || d.Key == "upstream.short" || d.Key == "upstream.shrunk"
}

func (d *Delay) stage() Stage {
	s := Stage{Name: Waiting, Why: WhyFailing, Since: d.Since, Text: d.Text, Key: d.Key, Args: d.Args}
	switch d.Key {
	case "upstream.day":
		s = Stage{Name: Waiting, Why: WhyDay, Until: budget.NextDay(d.Last)}
	case "upstream.minute":
		s = Stage{Name: Waiting, Why: WhyMinute, Until: budget.NextMinute(d.Last)}
	case "upstream.refused":
		s.Code, _ = strconv.Atoi(d.Args[0])
		switch s.Code {
		case 45009:
			s.Why, s.Until = WhyDay, budget.NextDay(d.Last)
		case 45011:
			s.Why, s.Until = WhyMinute, budget.NextMinute(d.Last)
		case -1, 268487001: // busy
		default:
			s.Name, s.Why = Refused, ""
		}
	}
	return s
}
