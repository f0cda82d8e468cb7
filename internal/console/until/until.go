// Package until reads from forms when a block is to end, and says when one does.
package until

import (
	"strconv"
	"strings"
	"time"

	"mpblock/internal/console/i18n"
)

type msg = i18n.Msg

// View is an end as pages show it; nil is for ever.
type View struct {
	Stamp i18n.Stamp
	Left  string // how long it is until then
	Keep  string // what a form sends that leaves it as it is
}

// Of returns an end as pages show it to viewers in a zone.
func Of(lang i18n.Lang, end, now time.Time, zone *time.Location) *View {
	if end.IsZero() {
		return nil
	}
	v := &View{Stamp: i18n.StampOf(end, zone), Keep: kept + strconv.FormatInt(end.UnixMilli(), 10)}
	switch left := end.Sub(now); {
	case left <= 0:
		v.Left = lang.Say(msg("ends.past"))
	case left < time.Hour:
		v.Left = lang.Say(msg("ends.soon"))
	case left < day:
		v.Left = lang.Say(msg("ends.hours"), int(left/time.Hour))
	default:
		v.Left = lang.Say(msg("ends.days"), int((left+day-1)/day))
	}
	return v
}

const (
	day  = 24 * time.Hour
	kept = "@" // before the milliseconds of an end that stays
)

// MaxDays is how many days a form may ask for.
const MaxDays = 3_650

// Asked reads the end that a form asks for: a date, at whose end it comes in the viewer's
// zone, before all; else so many days from now, an end that is there already, or "" for
// ever. It is not ok where the form asks for something else.
func Asked(days, date string, now time.Time, zone *time.Location) (end time.Time, ok bool) {
	days, date = strings.TrimSpace(days), strings.TrimSpace(date)
	switch {
	case date != "":
		at, err := time.ParseInLocation(time.DateOnly, date, zone)
		return at.AddDate(0, 0, 1), err == nil
	case days == "":
		return time.Time{}, true
	case strings.HasPrefix(days, kept):
		ms, err := strconv.ParseInt(days[len(kept):], 10, 64)
		return time.UnixMilli(ms).UTC(), err == nil && ms > 0
	}
	return By(days, now)
}

// By reads so many days from now; "" is no time.
func By(days string, now time.Time) (at time.Time, ok bool) {
	if days == "" {
		return time.Time{}, true
	}
	n, err := strconv.Atoi(days)
	return now.Add(time.Duration(n) * day), err == nil && n >= 1 && n <= MaxDays
}
