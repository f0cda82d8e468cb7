// Package until reads from forms when a block is to end, and says when one does.
package until

import (
	"strconv"
	"strings"
	"time"

	"mpblock"
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

// Form is what a form asks about an end: what stands there already, and what was entered
// before and has been refused.
type Form struct {
	Was      *View  // nil: there is none, or the form asks for a new one
	Days, On string // of the choice, and of the date that goes before it
}

// FormOf returns the form for an end that may be there already.
func FormOf(was *View) Form {
	if was == nil {
		return Form{}
	}
	return Form{Was: was, Days: was.Keep}
}

// Asked reads the end that a form asks for: a date, at whose end it comes in the viewer's
// zone, before all; else so many days from now, an end that is there already, or "" for
// ever. What cannot be is a problem in words, in the zone of the viewer.
func Asked(lang i18n.Lang, days, date string, now time.Time, zone *time.Location) (end time.Time, problem string) {
	days, date = strings.TrimSpace(days), strings.TrimSpace(date)
	last := now.Add(mpblock.MaxUntil)
	switch {
	case date != "":
		at, err := time.ParseInLocation(time.DateOnly, date, zone)
		end = at.AddDate(0, 0, 1)
		if err == nil && (!end.After(now) || end.After(last)) {
			day := func(t time.Time) string { return t.In(zone).Format(time.DateOnly) }
			return end, lang.Say(msg("ends.wrong.day"), date, day(now), day(last.AddDate(0, 0, -1)))
		}
		if err == nil {
			return end, ""
		}
	case days == "":
		return time.Time{}, ""
	case strings.HasPrefix(days, kept):
		ms, err := strconv.ParseInt(days[len(kept):], 10, 64)
		end = time.UnixMilli(ms).UTC()
		if err != nil || ms <= 0 || end.After(last) {
			break
		}
		if !end.After(now) {
			return end, lang.Say(msg("ends.wrong.kept"), i18n.StampOf(end, zone).Minute)
		}
		return end, ""
	default:
		if end, ok := By(days, now); ok {
			return end, ""
		}
	}
	return time.Time{}, lang.Say(msg("ends.wrong"))
}

// By reads so many days from now; "" is no time.
func By(days string, now time.Time) (at time.Time, ok bool) {
	if days == "" {
		return time.Time{}, true
	}
	n, err := strconv.Atoi(days)
	return now.Add(time.Duration(n) * day), err == nil && n >= 1 && n <= MaxDays
}
