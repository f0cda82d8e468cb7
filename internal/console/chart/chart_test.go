package chart

import (
	"strconv"
	"testing"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/lists/digest"
)

// Bars lie between the lines, the highest of them under the highest line, and days
// without a change have none.
func TestBarsLieInTheChart(t *testing.T) {
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	c := Of(i18n.English, []digest.DayCount{{Day: day, Blocked: 1}, {Day: day.AddDate(0, 0, 1)}, {Day: day.AddDate(0, 0, 2), Blocked: 37, Unblocked: 5}})
	if len(c.Bars) != 3 || len(c.Days) != 2 || c.Days[1].Date != "2026-02-02" {
		t.Fatalf("%d bars, days %+v", len(c.Bars), c.Days)
	}
	if c.Lines[0].Text != "40" || c.Lines[1].Text != "20" || c.Lines[2].Text != "0" {
		t.Errorf("lines %+v", c.Lines)
	}
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, b := range c.Bars {
		x, y, w, h := number(b.X), number(b.Y), number(b.Width), number(b.Height)
		if x < float64(c.Left) || x+w > float64(c.Right) || y < float64(c.Lines[0].Y) || y+h > float64(c.Lines[2].Y)+0.1 || h < 1.5 {
			t.Errorf("%+v is outside", b)
		}
	}
}

func TestNiceAbove(t *testing.T) {
	for n, want := range map[int]int{0: 2, 1: 2, 2: 2, 3: 4, 5: 10, 11: 20, 40: 40, 41: 100, 999_999: 1_000_000} {
		if got := niceAbove(n); got != want {
			t.Errorf("above %d: %d, want %d", n, got, want)
		}
	}
}
