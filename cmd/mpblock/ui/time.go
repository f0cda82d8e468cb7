package ui

import "time"

// ParseTime reads a time, in this machine's zone or with one, or a day, as its beginning.
func ParseTime(s string) (at time.Time, day, ok bool) {
	if at, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return at, true, true
	}
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at, false, true
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return at, false, true
		}
	}
	return time.Time{}, false, false
}

// ExampleTime returns a time that ParseTime reads, in this machine's zone.
func ExampleTime() string {
	return time.Date(2026, 12, 31, 18, 0, 0, 0, time.Local).Format(time.RFC3339)
}
