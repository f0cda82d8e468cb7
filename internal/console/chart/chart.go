// Package chart places the bars of the overview, for a template to write as SVG.
package chart

import (
	"strconv"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/lists/digest"
)

type msg = i18n.Msg

// Sizes of the chart, in units of its viewBox.
const (
	width   = 760
	height  = 180
	left    = 58
	right   = 16
	topEdge = 16
	bottom  = 24
)

// Chart is the bars of some days, placed, for the template to write as SVG.
type Chart struct {
	Width, Height int
	Left, Right   int // where the lines begin and end
	Bars          []Bar
	Lines         []Line
	Names         []Line
	Days          []Day // the same as text, for those who do not see it
}

// Bar is a rectangle.
type Bar struct {
	X, Y, Width, Height string
	Class               string
	Title               string
}

// Line is a horizontal line with a number, or a name below the bars.
type Line struct {
	X, Y int
	Text string
}

// Day is the figures of a day.
type Day struct {
	Date               string
	Blocked, Unblocked int
}

// Of places the bars of days, which are in order of time.
func Of(l i18n.Lang, days []digest.DayCount) Chart {
	c := Chart{Width: width, Height: height, Left: left, Right: width}
	most := 0
	for _, d := range days {
		most = max(most, d.Blocked, d.Unblocked)
	}
	top := niceAbove(most)
	room := float64(height - topEdge - bottom)
	for i := range 3 {
		y := topEdge + int(room*float64(i)/2)
		c.Lines = append(c.Lines, Line{X: left - 6, Y: y, Text: i18n.Grouped(top * (2 - i) / 2)})
	}
	if len(days) == 0 {
		return c
	}
	slot := float64(width-left-right) / float64(len(days))
	wide := min(slot*0.38, 16)
	for i, d := range days {
		middle := float64(left) + slot*(float64(i)+0.5)
		date := d.Day.Format("01-02")
		c.add(l, msg("chart.blocked"), "block", date, middle-wide, wide, d.Blocked, top, room)
		c.add(l, msg("chart.unblocked"), "unblock", date, middle, wide, d.Unblocked, top, room)
		if every := (len(days) + 6) / 7; (len(days)-1-i)%every == 0 {
			c.Names = append(c.Names, Line{X: int(middle), Y: height - 6, Text: date})
		}
		if d.Blocked+d.Unblocked > 0 {
			c.Days = append(c.Days, Day{d.Day.Format(time.DateOnly), d.Blocked, d.Unblocked})
		}
	}
	return c
}

func (c *Chart) add(l i18n.Lang, title msg, class, date string, x, width float64, n, top int, room float64) {
	if n == 0 {
		return
	}
	height := max(room*float64(n)/float64(top), 1.5)
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	c.Bars = append(c.Bars, Bar{
		X: number(x), Y: number(topEdge + room - height), Width: number(width), Height: number(height),
		Class: class, Title: l.Say(title, date, n),
	})
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
