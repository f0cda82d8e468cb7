package console

import (
	"net/http"
	"net/url"
	"strconv"

	"mpblock"
	"mpblock/internal/console/chart"
	"mpblock/internal/console/firstday"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// overviewPage is how an account is doing.
type overviewPage struct {
	web.Frame
	Followers, Blocked           int
	TodayBlocked, TodayUnblocked int
	Days                         int
	Chart                        chart.Chart
	Behind                       int // changes that are not counted yet
	Reasons                      []reasonCount
	Calls                        []callCount
	Changes                      []changeRow
}

type reasonCount struct {
	Text, Address string
	Count         int
}

type callCount struct {
	Call  mpblock.Call
	Code  int
	Bad   bool
	Text  string
	Count int
}

// changeRow is a change as the tables show it.
type changeRow struct {
	Seq     string
	Address string
	Time    i18n.Stamp
	Block   bool
	Count   int
	Who     string // what the first of its OpenIDs are called, where a table says it
	Actor   actorView
	Reason  string
	standing
}

func (c *console) overview(v *visit) error {
	o, err := v.Desk.Overview(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	if o.Followers+o.Blocked+len(o.Last) == 0 {
		return firstday.Start(v.Visit)
	}
	p := &overviewPage{
		Followers: o.Followers, Blocked: o.Blocked, Days: len(o.Days), Chart: chart.Of(v.Lang, o.Days),
		Behind: int(min(o.Behind, 1<<40)), Changes: v.changeRows(o.Last),
	}
	if err := v.tellWho(p.Changes, o.Last); err != nil {
		return err
	}
	if n := len(o.Days); n > 0 {
		p.TodayBlocked, p.TodayUnblocked = o.Days[n-1].Blocked, o.Days[n-1].Unblocked
	}
	for _, r := range o.Reasons {
		p.Reasons = append(p.Reasons, reasonCount{
			Text: r.Reason, Count: r.Count, Address: v.Base() + "/blacklist?" + url.Values{"reason": {r.Reason}}.Encode(),
		})
	}
	for _, call := range o.Calls {
		p.Calls = append(p.Calls, callCount{call.Call, call.Code, call.Code != 0, v.c.CodeText(call.Code), call.Count})
	}
	return v.Page(http.StatusOK, "overview", v.Say(msg("nav.overview")), p)
}

func (v *visit) changeRows(rows []lists.ChangeRow) []changeRow {
	all := make([]changeRow, 0, len(rows))
	for _, r := range rows {
		all = append(all, v.changeRow(r))
	}
	return all
}

func (v *visit) changeRow(r lists.ChangeRow) changeRow {
	seq := strconv.FormatUint(r.Seq, 10)
	return changeRow{
		Seq: seq, Address: v.changeAddress(r.Seq), standing: v.standing(r), Time: i18n.StampOf(r.Time, v.Zone), Block: r.Action == mpblock.Block,
		Count: r.Count, Actor: v.actor(r.Actor), Reason: r.Reason,
	}
}
