// Package person says of an OpenID what no list has: that it is protected, and what is on its
// way to the platform.
package person

import (
	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// Facts are what is known of an OpenID beside the lists.
type Facts struct {
	Protected *Protection // nil: nobody has protected it
	Protect   string      // address of the form by which it is protected or no longer; "": that is not the operator's to do
	MaxWhy    int         // characters of why
	Ways      []Way
}

// Protection is by whom, since when and why somebody is protected.
type Protection struct {
	By, Why string
	At      i18n.Stamp
}

// Way is a change of an OpenID that is on its way to the platform.
type Way struct {
	Block bool
	Actor actors.Actor
	Stage *platform.Stage // nil: nothing is in its way
}

// FactsOf returns what is known of the OpenID of a timeline.
func FactsOf(v *web.Visit, t lists.Timeline) (Facts, error) {
	f := Facts{MaxWhy: desk.MaxWhy}
	if v.Desk.May(operators.RoleAdmin) && !v.Account.Retired {
		f.Protect = "/accounts/" + string(v.Account.AppID) + "/protected"
	}
	p, is, err := v.Desk.ProtectedAs(v.Ctx(), v.Account.AppID, t.OpenID)
	if err != nil {
		return f, err
	}
	if is {
		f.Protected = &Protection{By: v.Lang.Who(p.By), Why: p.Why, At: i18n.StampOf(p.At, v.Zone)}
	}
	f.Ways, err = ways(v, t)
	return f, err
}

// ways returns the changes that are on their way: the one that was sent last, and those of
// jobs that have not come to the OpenID yet.
func ways(v *web.Visit, t lists.Timeline) ([]Way, error) {
	there, err := platform.StagesOf(v)
	if there == nil || err != nil {
		return nil, err
	}
	newest := ""
	if len(t.Rows) > 0 {
		newest = t.Rows[0].Actor
	}
	sent, coming, err := v.Desk.OnTheWay(v.Ctx(), v.Account.AppID, t.OpenID, newest)
	if err != nil {
		return nil, err
	}
	var all []Way
	if sent != nil {
		all = append(all, Way{sent.Action == mpblock.Block, actors.Of(v, sent.Actor), there.Sent(sent)})
	}
	for _, j := range coming {
		if sent == nil || sent.Actor != "job:"+j.ID {
			all = append(all, Way{j.Action == mpblock.Block, actors.Of(v, "job:"+j.ID), there.Job(j)})
		}
	}
	return all, nil
}
