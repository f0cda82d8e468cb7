package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/chart"
	"mpblock/internal/console/firstday"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// overviewPage is how an account is doing.
type overviewPage struct {
	web.Frame
	Followers, Blocked           int
	TodayBlocked, TodayUnblocked int
	Today                        string // address of its changes, up to the action
	Ranges                       []choice
	Days                         int
	Chart                        chart.Chart
	Behind                       int // changes that are not counted yet
	Reasons                      []reasonCount
	Calls                        []callCount
	Changes                      []changeRow
}

// reasonCount is a reason: whom it is on the blacklist for, and who was blocked for it.
type reasonCount struct {
	Text, Address, Blocks string
	Count                 int
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
	Amends  bool        // it changes reasons and ends alone
	Deed    string      // where it does neither, or by itself: what it does
	Until   *until.View // when its entries end
	Count   int
	Who     string // what the first of its OpenIDs are called, where a table says it
	Actor   actors.Actor
	Reason  string
	Pieces  string // where the row stands for a job: the address of its changes,
	Least   bool   // whether it has more OpenIDs than Count
	State   string // and what it is doing; "" if it has ended
	standing
}

// The days that an overview may cover.
var ranges = []int{7, 30, lists.OverviewDays}

func (c *console) overview(v *visit) error {
	days := 30
	if asked := v.R.URL.Query().Get("days"); asked != "" {
		days, _ = strconv.Atoi(asked)
		if !slices.Contains(ranges, days) {
			return web.ErrMissing
		}
	}
	o, err := v.Desk.Overview(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	if o.Followers+o.Blocked+len(o.Last) == 0 {
		return firstday.Start(v.Visit)
	}
	p := &overviewPage{
		Followers: o.Followers, Blocked: o.Blocked, Days: days, Chart: chart.Of(v.Lang, o.Days[len(o.Days)-days:], v.dayAddress),
		Behind: int(min(o.Behind, 1<<40)),
	}
	if p.Changes, err = v.recent(o.Last); err != nil {
		return err
	}
	today := o.Days[len(o.Days)-1]
	p.TodayBlocked, p.TodayUnblocked, p.Today = today.Blocked, today.Unblocked, v.dayAddress(today.Day, "")
	for _, n := range ranges {
		p.Ranges = append(p.Ranges, choice{Text: v.Say(msg("overview.range"), n), Address: v.Base() + "?days=" + strconv.Itoa(n), Current: n == days})
	}
	for _, r := range o.Reasons {
		of := url.Values{"reason": {r.Reason}}.Encode()
		p.Reasons = append(p.Reasons, reasonCount{
			Text: r.Reason, Count: r.Count, Address: v.Base() + "/blacklist?" + of, Blocks: v.Base() + "/history?action=block&" + of,
		})
	}
	for _, call := range o.Calls {
		p.Calls = append(p.Calls, callCount{call.Call, call.Code, call.Code != 0, v.c.CodeText(call.Code), call.Count})
	}
	return v.Page(http.StatusOK, "overview", v.Say(msg("nav.overview")), p)
}

// dayAddress is the address of the changes of a day of UTC+8, all of them or those of one
// action.
func (v *visit) dayAddress(day time.Time, action string) string {
	q := url.Values{"day": {day.Format(time.DateOnly)}}
	if action != "" {
		q.Set("action", action)
	}
	return v.Base() + "/history?" + q.Encode()
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
		Seq: seq, Address: v.changeAddress(r.Seq), standing: v.standing(r), Time: i18n.StampOf(r.Time, v.Zone), Block: r.Action == mpblock.Block, Amends: r.Action == mpblock.Amend,
		Deed: v.deed(r), Until: v.until(r.Until),
		Count: r.Count, Actor: actors.Of(v.Visit, r.Actor), Reason: r.Reason,
	}
}

// deed says what a change does that is neither a block nor an unblock by somebody.
func (v *visit) deed(r lists.ChangeRow) string {
	switch {
	case r.Action == mpblock.Amend:
		return v.Say(msg("action.amended"))
	case r.Actor == mpblock.ActorExpiry:
		return v.Say(msg("action.ended"))
	}
	return ""
}

// until is an end as the pages show it.
func (v *visit) until(end time.Time) *until.View {
	if end.IsZero() {
		return nil
	}
	return until.Of(v.Lang, end, v.c.Desks.Now(), v.Zone)
}

// ends reads the end that the form asks for.
func (v *visit) ends() (time.Time, error) {
	end, problem := until.Asked(v.Lang, v.Field("ends"), v.Field("ends_on"), v.c.Desks.Now(), v.Zone)
	if problem != "" {
		return end, web.Invalid(problem)
	}
	return end, nil
}
