package mpblock

import "time"

// Zone is the time zone in which the platform counts days, UTC+8 all year round.
var Zone = time.FixedZone("UTC+8", 8*60*60)

// Day returns the day in Zone, as in 20260131.
func Day(t time.Time) string { return t.In(Zone).Format("20060102") }
