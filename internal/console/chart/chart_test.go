package chart

import (
	"testing"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/lists/digest"
)

func TestDays(t *testing.T) {
	first := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	days := []digest.DayCount{{Day: first, Blocked: 1}, {Day: first.AddDate(0, 0, 1)}, {Day: first.AddDate(0, 0, 2), Blocked: 30, Unblocked: 5}}
	c := Of(i18n.English, days, func(day time.Time, action string) string { return day.Format("0102") + action })
	if c.Axis != [3]string{"40", "20", "0"} || len(c.Names) != 3 || c.Names[2] != "02-02" {
		t.Errorf("axis %q, names %q", c.Axis, c.Names)
	}
	want := []Day{
		{Date: "2026-01-31", Text: "01-31: 1 blocked, 0 unblocked", Blocked: 1, Block: Bar{"97.5", "2.5"}, Unblock: Bar{"100", "0"}, Side: "right", Address: "0131", BlockAddress: "0131block"},
		{Date: "2026-02-01", Text: "02-01: 0 blocked, 0 unblocked", Block: Bar{"100", "0"}, Unblock: Bar{"100", "0"}, Side: "left"},
		{
			Date: "2026-02-02", Text: "02-02: 30 blocked, 5 unblocked", Blocked: 30, Unblocked: 5, Block: Bar{"25.0", "75.0"}, Unblock: Bar{"87.5", "12.5"}, Side: "left",
			Address: "0202", BlockAddress: "0202block", UnblockAddress: "0202unblock",
		},
	}
	for i, d := range c.Days {
		if d != want[i] {
			t.Errorf("day %d: %+v, want %+v", i, d, want[i])
		}
	}
}

// However many days there are, names stand under as many of them each, the last under
// today.
func TestNames(t *testing.T) {
	today := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for n, want := range map[int]int{7: 7, 30: 6, 90: 6} {
		var days []digest.DayCount
		for i := range n {
			days = append(days, digest.DayCount{Day: today.AddDate(0, 0, i+1-n), Blocked: 1})
		}
		c := Of(i18n.English, days, func(time.Time, string) string { return "" })
		if len(c.Names) != want || n%want != 0 || c.Names[want-1] != "11-28" {
			t.Errorf("of %d days: %q", n, c.Names)
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
