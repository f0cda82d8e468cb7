package platform

import (
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/upstream"
)

// alarmAfter is how long the platform may fail until every page of the account says so.
const alarmAfter = 10 * time.Minute

// underWay is how long a change may be on its way to the platform until what became of it
// is in doubt.
const underWay = time.Minute

// Mirror says how things stand with the account of a page.
func Mirror(v *web.Visit) (*web.Mirror, error) {
	p, err := v.Desk.Platform(v.Ctx(), v.Account.AppID)
	if err != nil {
		return nil, err
	}
	m := &web.Mirror{Address: v.Base() + "/platform", Remedy: v.Say(msg("mirror.see")), Part: "connection"}
	m.State, m.Mood, m.Text = stateOf(v, p)
	switch {
	case p.Held != nil:
		m.Alarm = heldWords(v.Lang, *p.Held) + v.Say(msg("held.nobody"))
		m.Remedy, m.Part = v.Say(msg("mirror.decide")), "held"
	case failing(p) >= alarmAfter && p.Synced.IsZero():
		m.Alarm = v.Say(msg("mirror.alarm.never"), span(v.Lang, failing(p)))
	case failing(p) >= alarmAfter:
		m.Alarm = v.Say(msg("mirror.alarm.failing"), span(v.Lang, failing(p)), i18n.StampOf(p.Synced, v.Zone).Minute)
	}
	if m.Alarm != "" && p.Held == nil {
		m.Alarm += v.Say(msg("mirror.alarm.why"), trouble(v.Lang, p))
	}
	return m, nil
}

// stateOf says how the connection is, how that looks, and how old the mirror is.
func stateOf(v *web.Visit, p desk.Platform) (state, mood, text string) {
	if !p.Synced.IsZero() {
		text = v.Say(msg("mirror.age"), age(v.Lang, p.Now.Sub(p.Synced)))
	}
	switch {
	case p.Held != nil:
		return v.Say(msg("mirror.held")), "mind", text
	case !p.Moved.IsZero() && p.Problem == "":
		return v.Say(msg("mirror.moved")), "mind", text
	case p.Problem != "":
		return v.Say(msg("mirror.failing")), "black", text
	case p.Synced.IsZero():
		return v.Say(msg("mirror.never")), "mind", ""
	case p.Unsettled != nil && p.Now.Sub(p.Unsettled.Since) >= underWay:
		return v.Say(msg("mirror.unsettled")), "mind", text
	}
	return v.Say(msg("mirror.good")), "good", text
}

// heldWords says why a list was not taken over.
func heldWords(l i18n.Lang, h upstream.Held) string {
	key, args := h.Words()
	return l.Say(i18n.Msg(key), args...)
}

// failing is for how long the list could not be read. 0: it can be, or was not tried yet.
func failing(p desk.Platform) time.Duration {
	if p.Problem == "" {
		return 0
	}
	since := p.Tried
	for _, w := range p.Walks {
		if w.Problem == "" {
			break
		}
		since = w.At
	}
	return p.Now.Sub(since)
}

// trouble says what was wrong with the last reading, "" if nothing was.
func trouble(l i18n.Lang, p desk.Platform) string {
	if len(p.Walks) == 0 || p.Walks[0].Trouble == nil {
		return p.Problem
	}
	return words(l, *p.Walks[0].Trouble)
}

// age says how long ago something was.
func age(l i18n.Lang, d time.Duration) string {
	if d < time.Minute {
		return l.Say(msg("age.now"))
	}
	return l.Say(msg("age.ago"), span(l, d))
}

// span says a length of time by its greatest unit.
func span(l i18n.Lang, d time.Duration) string {
	switch {
	case d < time.Minute:
		return l.Say(msg("span.seconds"), int(d/time.Second))
	case d < 2*time.Hour:
		return l.Say(msg("span.minutes"), int(d/time.Minute))
	case d < 48*time.Hour:
		return l.Say(msg("span.hours"), int(d/time.Hour))
	}
	return l.Say(msg("span.days"), int(d/(24*time.Hour)))
}
