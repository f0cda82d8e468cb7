package emulate

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// begin begins a ready-made plan that the form names, or the one that was pasted.
func (v visit) begin() error {
	text := v.R.PostForm.Get("plan")
	name := v.Field("ready")
	if name != "" {
		ready, ok := fault.ReadyMade(name)
		if !ok {
			return web.ErrMissing
		}
		text = string(ready)
	}
	p, err := fault.ParseRules([]byte(text))
	var m *fault.Mistake
	if errors.As(err, &m) {
		return v.page(http.StatusUnprocessableEntity, &page{Text: text, Mistake: v.mistake(m)})
	}
	if err != nil {
		return err
	}
	v.host.Emulator().Load(p)
	said := v.Say(msg("emulator.begun.own"))
	if name != "" {
		said = v.Say(msg("emulator.begun"), name)
	}
	return v.done(nil, "#plans", said)
}

func (v visit) end() error {
	v.host.Emulator().Unload()
	return v.done(nil, "#plans", v.Say(msg("emulator.ended")))
}

// localTime is how browsers send a time.
const localTime = "2006-01-02T15:04"

// clock moves the clock, or has it stand still. Whoever moves it stays in.
func (v visit) clock() error {
	c := v.host.Emulator().Clock
	var err error
	switch do := v.Field("do"); do {
	case "freeze":
		c.Freeze()
	case "run":
		c.Run()
	case "midnight":
		now := c.Now().In(mpblock.Zone)
		err = v.move(time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, mpblock.Zone))
	case "set":
		text := v.Field("time")
		if len(text) > len(localTime) {
			text = text[:len(localTime)] // some browsers send the seconds
		}
		to, wrong := time.ParseInLocation(localTime, text, v.Zone)
		if wrong != nil {
			err = web.Invalid(v.Say(msg("emulator.clock.unreadable"), v.Field("time")))
			break
		}
		err = v.move(to)
	default:
		d, wrong := time.ParseDuration(do)
		if wrong != nil || d < 0 {
			return web.ErrMissing
		}
		err = v.move(c.Now().Add(d))
	}
	return v.done(err, "#clock", v.Say(msg("emulator.clock.done"), v.second(c.Now())))
}

func (v visit) move(to time.Time) error {
	c := v.host.Emulator().Clock
	if err := v.Stretch(to.Sub(c.Now())); err != nil {
		return err
	}
	return c.Set(to)
}

func (v visit) save() error {
	name := v.Field("name")
	return v.done(v.host.SaveSnapshot(v.Ctx(), name), "#snapshots", v.Say(msg("emulator.saved"), name))
}

// restore goes back to a snapshot, whose clock may be ahead of the present one.
func (v visit) restore() error {
	name := v.Field("name")
	c := v.host.Emulator().Clock
	now := c.Now()
	for _, s := range v.host.Snapshots() {
		if machine := now.Add(-c.Ahead()); s.Name == name {
			if err := v.Stretch(s.Clock.Add(machine.Sub(s.Saved)).Sub(now)); err != nil {
				return err
			}
		}
	}
	return v.done(v.host.RestoreSnapshot(v.Ctx(), name), "#snapshots", v.Say(msg("emulator.restored"), name))
}

func (v visit) remove() error {
	name := v.Field("name")
	return v.done(v.host.RemoveSnapshot(name), "#snapshots", v.Say(msg("emulator.removed"), name))
}

// reset goes back to the start, and to the machine's clock, which is ahead of one that
// has stood still.
func (v visit) reset() error {
	if v.Field("sure") == "" {
		return v.done(web.Invalid(v.Say(msg("account.sure"))), "#reset", "")
	}
	if err := v.Stretch(-v.host.Emulator().Clock.Ahead()); err != nil {
		return err
	}
	return v.done(v.host.Reset(v.Ctx()), "", v.Say(msg("emulator.reset.done")))
}

// drift has somebody else change an account's blacklist.
func (v visit) drift() error {
	app, err := mpblock.ParseAppID(v.Field("account"))
	if err != nil {
		return web.ErrMissing
	}
	a, err := v.Desk.Account(v.Ctx(), app)
	if err != nil {
		return err
	}
	var d fault.Drift
	if d.Block, err = v.count("block"); err == nil {
		d.Unblock, err = v.count("unblock")
	}
	var blocked, unblocked []mpblock.OpenID
	if err == nil {
		dice := rand.New(rand.NewPCG(rand.Uint64(), 0)) //nolint:gosec // nothing is secret
		blocked, unblocked, err = emulator.Drift(v.Ctx(), v.host.Lists(), &a.Account, d, dice)
	}
	return v.done(err, "#drift", v.Say(msg("emulator.drifted"), len(blocked), len(unblocked)))
}

// maxDrift is how many entries of each kind somebody else changes at once.
const maxDrift = 1000

func (v visit) count(field string) (int, error) {
	text := strings.ReplaceAll(v.Field(field), ",", "")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxDrift {
		return 0, web.Invalid(v.Say(msg("emulator.drift.number"), v.Field(field), maxDrift))
	}
	return n, nil
}
