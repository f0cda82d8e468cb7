package console

import (
	"strconv"
	"time"

	"mpblock/internal/lists"

	"mpblock/internal/console/i18n"
)

// Sizes of the chart, in units of its viewBox.
const (
	chartWidth  = 760
	chartHeight = 180
	chartLeft   = 58
	chartRight  = 16
	chartTop    = 16
	chartBottom = 24
)

// chart is the bars of some days, placed, for the template to write as SVG.
type chart struct {
	Width, Height int
	Left, Right   int // where the lines begin and end
	Bars          []bar
	Lines         []chartLine
	Names         []chartLine
	Days          []chartDay // the same as text, for those who do not see it
}

type bar struct {
	X, Y, Width, Height string
	Class               string
	Title               string
}

type chartLine struct {
	X, Y int
	Text string
}

type chartDay struct {
	Date               string
	Blocked, Unblocked int
}

// chartOf places the bars of days, which are in order of time.
func chartOf(l i18n.Lang, days []lists.DayCount) chart {
	c := chart{Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth}
	most := 0
	for _, d := range days {
		most = max(most, d.Blocked, d.Unblocked)
	}
	top := niceAbove(most)
	room := float64(chartHeight - chartTop - chartBottom)
	for i := range 3 {
		y := chartTop + int(room*float64(i)/2)
		c.Lines = append(c.Lines, chartLine{X: chartLeft - 6, Y: y, Text: i18n.Grouped(top * (2 - i) / 2)})
	}
	if len(days) == 0 {
		return c
	}
	slot := float64(chartWidth-chartLeft-chartRight) / float64(len(days))
	wide := min(slot*0.38, 16)
	for i, d := range days {
		middle := float64(chartLeft) + slot*(float64(i)+0.5)
		date := d.Day.Format("01-02")
		c.add(l, msg("chart.blocked"), "block", date, middle-wide, wide, d.Blocked, top, room)
		c.add(l, msg("chart.unblocked"), "unblock", date, middle, wide, d.Unblocked, top, room)
		if every := (len(days) + 6) / 7; (len(days)-1-i)%every == 0 {
			c.Names = append(c.Names, chartLine{X: int(middle), Y: chartHeight - 6, Text: date})
		}
		if d.Blocked+d.Unblocked > 0 {
			c.Days = append(c.Days, chartDay{d.Day.Format(time.DateOnly), d.Blocked, d.Unblocked})
		}
	}
	return c
}

func (c *chart) add(l i18n.Lang, title msg, class, date string, x, width float64, n, top int, room float64) {
	if n == 0 {
		return
	}
	height := max(room*float64(n)/float64(top), 1.5)
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	c.Bars = append(c.Bars, bar{
		X: number(x), Y: number(chartTop + room - height), Width: number(width), Height: number(height),
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
