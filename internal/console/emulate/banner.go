package emulate

import (
	"strings"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// Banner says what is bent, "" if nothing is.
func Banner(e *emulator.Emulator, l i18n.Lang, zone *time.Location) string {
	var parts []string
	if f := e.Faults(); f != nil && !f.Ended {
		if name := fault.NameOf(f.Plan); name != "" {
			parts = append(parts, l.Say(msg("emulator.bent.plan"), name))
		} else {
			parts = append(parts, l.Say(msg("emulator.bent.own")))
		}
	}
	if c := e.Clock; !c.State().Frozen.IsZero() {
		parts = append(parts, l.Say(msg("emulator.bent.frozen"), i18n.StampOf(c.Now(), zone).Minute))
	} else if ahead := c.Ahead().Round(time.Second); ahead != 0 {
		parts = append(parts, l.Say(msg("emulator.bent.clock"), aheadOf(l, ahead)))
	}
	if len(parts) == 0 {
		return ""
	}
	return l.Say(msg("emulator.bent"), strings.Join(parts, l.Say(msg("emulator.bent.and"))))
}

// aheadOf says how far a clock is ahead of the machine's, or behind it.
func aheadOf(l i18n.Lang, d time.Duration) string {
	if d < 0 {
		return l.Say(msg("emulator.behind"), spanOf(l, -d))
	}
	return l.Say(msg("emulator.ahead"), spanOf(l, d))
}

// spanOf says a length of time by its two greatest units.
func spanOf(l i18n.Lang, d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		length, from time.Duration
		key          msg
	}{
		{24 * time.Hour, 48 * time.Hour, msg("emulator.days")}, {time.Hour, time.Hour, msg("emulator.hours")},
		{time.Minute, time.Minute, msg("emulator.minutes")}, {time.Second, 0, msg("emulator.seconds")},
	} {
		if n := int(d / u.length); n > 0 && d >= u.from && len(parts) < 2 {
			parts = append(parts, l.Say(u.key, n))
			d -= time.Duration(n) * u.length
		} else if len(parts) > 0 {
			break
		}
	}
	return strings.Join(parts, " ")
}

// aboutOf says what a ready-made plan is about.
func aboutOf(l i18n.Lang, r fault.Ready) string {
	return l.Say(msg("emulator.plan." + strings.ReplaceAll(r.Name, "-", "_")))
}
