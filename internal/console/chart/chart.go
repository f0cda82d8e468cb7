// Package chart says how high the bars of the overview stand, how their days are called,
// and where they lead, for a template to write. Text stands beside the bars and not in
// them, so that it is as large as all other text at any width.
package chart

import (
	"strconv"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/lists/digest"
)

type msg = i18n.Msg

// Chart is the bars of some days.
type Chart struct {
	Axis  [3]string // numbers beside the lines, from the top one down
	Days  []Day
	Names []string // below the bars, each under the last of as many days
	Each  bool     // every day has a name
}

// Day is the bars of a day.
type Day struct {
	Date               string // in full
	Text               string // what happened on it, in words
	Blocked, Unblocked int
	Block, Unblock     Bar
	Side               string // of the bars on which the words have more room: left or right

	// Addresses of what is counted; "" where nothing is.
	Address, BlockAddress, UnblockAddress string
}

// Bar is a height and where it begins, in hundredths from the top.
type Bar struct{ Y, Height string }

// names is about how many days have names.
const names = 6

// Of returns the chart of days, which are in order of time. address is that of the
// changes of a day, all of them or those of one action.
func Of(l i18n.Lang, days []digest.DayCount, address func(day time.Time, action string) string) Chart {
	most := 0
	for _, d := range days {
		most = max(most, d.Blocked, d.Unblocked)
	}
	top := niceAbove(most)
	c := Chart{Axis: [3]string{i18n.Grouped(top), i18n.Grouped(top / 2), "0"}, Each: len(days) <= names+1}
	every := max(1, len(days)/names)
	if c.Each {
		every = 1
	}
	for i, d := range days {
		date := d.Day.Format("01-02")
		day := Day{
			Date: d.Day.Format(time.DateOnly), Blocked: d.Blocked, Unblocked: d.Unblocked, Side: "right",
			Text:  l.Say(msg("chart.day"), date, d.Blocked, d.Unblocked),
			Block: barOf(d.Blocked, top), Unblock: barOf(d.Unblocked, top),
		}
		if i >= len(days)/2 {
			day.Side = "left"
		}
		if d.Blocked > 0 {
			day.BlockAddress = address(d.Day, "block")
		}
		if d.Unblocked > 0 {
			day.UnblockAddress = address(d.Day, "unblock")
		}
		if d.Blocked+d.Unblocked > 0 {
			day.Address = address(d.Day, "")
		}
		c.Days = append(c.Days, day)
		if (len(days)-1-i)%every == 0 {
			c.Names = append(c.Names, date)
		}
	}
	return c
}

// least is how high a bar is at least that stands for anything.
const least = 1.5

func barOf(n, top int) Bar {
	if n == 0 {
		return Bar{"100", "0"}
	}
	height := max(100*float64(n)/float64(top), least)
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	return Bar{number(100 - height), number(height)}
}

// niceAbove returns the first even number of the form 2, 4 or 10 times a power of
// ten that is not below n, so that the axis can be labelled in whole numbers.
func niceAbove(n int) int {
	for power := 1; ; power *= 10 {
		for _, m := range []int{2, 4, 10} {
			if m*power >= n {
				return m * power
			}
		}
	}
}
