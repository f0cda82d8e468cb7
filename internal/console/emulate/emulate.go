// Package emulate is the page of an emulator, for admins: fault plans, the clock,
// snapshots, changes elsewhere, and the journal of calls. It is there where the server is
// an emulator whose control door is open, and does what that door does.
package emulate

import (
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/emulator"
	"mpblock/internal/operators"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Host is what the page works on.
type Host = emulator.Host

// visit is one request for the page.
type visit struct {
	*web.Visit
	host Host
}

// Views are its templates.
var Views = map[string]web.View{
	"emulator": {Frame: "layout", Data: &page{}},
	"entry":    {Frame: "layout", Data: &entryPage{}},
}

// address of the page.
const address = "/emulator"

// Register has a site serve it.
func Register(site *web.Site, host Host) {
	for pattern, h := range map[string]func(visit) error{
		"GET /emulator":                    visit.show,
		"GET /emulator/live":               visit.live,
		"GET /emulator/calls/{rid}":        visit.entry,
		"GET /emulator/calls.har":          visit.har,
		"POST /emulator/plan":              visit.begin,
		"POST /emulator/plan/end":          visit.end,
		"POST /emulator/clock":             visit.clock,
		"POST /emulator/snapshots":         visit.save,
		"POST /emulator/snapshots/restore": visit.restore,
		"POST /emulator/snapshots/remove":  visit.remove,
		"POST /emulator/reset":             visit.reset,
		"POST /emulator/drift":             visit.drift,
	} {
		site.Handle(pattern, web.WithDesk(func(v *web.Visit) error {
			if !v.Desk.May(operators.RoleAdmin) {
				return web.ErrForbidden
			}
			if err := v.Form(); err != nil {
				return err
			}
			return h(visit{v, host})
		}))
	}
}

// done says what was done, or why it was refused, on the page.
func (v visit) done(err error, at, text string) error {
	kind := "good"
	if err != nil {
		refused, ok := v.Refusal(err)
		if !ok {
			return err
		}
		kind, text = "bad", refused
	}
	v.Tell(kind, text)
	return v.See(address + at)
}
