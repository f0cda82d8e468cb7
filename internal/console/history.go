package console

import (
	"net/http"
	"net/url"
	"strconv"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// historyPage is a page of changes, newest first.
type historyPage struct {
	web.Frame
	Filter  filter
	Stop    *stop
	Changes []changeRow
	Pager   web.Pager
}

func (c *console) history(v *visit) error {
	f := v.filter()
	if asked := v.R.URL.Query().Get("q"); asked != "" { // of one OpenID: that has a page of its own
		return v.See(v.Base() + "/search?q=" + url.QueryEscape(asked))
	}
	f.offerActions(v)
	if err := f.offer(v); err != nil {
		return err
	}
	p := &historyPage{Filter: f}
	render := func(status int) error { return v.Page(status, "history", v.Say(msg("nav.history")), p) }
	since, until, err := f.times(v)
	if err != nil {
		return v.Again(err, render)
	}
	page, err := v.Desk.History(v.Ctx(), v.Account.AppID, lists.ChangeQuery{
		Action: actionNamed(f.Action), Reason: f.Reason, Actor: f.Actor, Since: since, Until: until,
		Before: number(v.R.URL.Query().Get("after")), Limit: v.Rows(),
	})
	if err != nil {
		return v.Again(err, render)
	}
	p.Changes = v.changeRows(page.Rows)
	if err := v.tellWho(p.Changes, page.Rows); err != nil {
		return err
	}
	next := ""
	if page.Next != 0 {
		next = strconv.FormatUint(page.Next, 10)
	}
	p.Pager = v.PagerOf(len(p.Changes), next)
	p.Stop = v.stopAt(page.Reached, mpblock.OpenID{}, &p.Pager)
	return render(http.StatusOK)
}

func actionNamed(name string) mpblock.Action {
	switch name {
	case "block":
		return mpblock.Block
	case "unblock":
		return mpblock.Unblock
	}
	return 0
}

// changePage is one change with its OpenIDs.
type changePage struct {
	web.Frame
	Change  changeRow
	OpenIDs []named
	Pager   web.Pager
}

// changeOpenIDs is how many OpenIDs of a change a page lists.
const changeOpenIDs = 200

func (c *console) change(v *visit) error {
	seq := number(v.R.PathValue("seq"))
	if seq == 0 {
		return web.ErrMissing
	}
	change, err := v.Desk.Change(v.Ctx(), v.Account.AppID, seq)
	if err != nil {
		return err
	}
	row, err := v.Desk.Row(v.Ctx(), v.Account.AppID, change)
	if err != nil {
		return err
	}
	p := &changePage{Change: v.changeRow(row)}
	from := min(number(v.R.URL.Query().Get("after")), uint64(len(change.OpenIDs)))
	rest := change.OpenIDs[from:]
	next := ""
	if len(rest) > changeOpenIDs {
		rest = rest[:changeOpenIDs]
		next = strconv.FormatUint(from+changeOpenIDs, 10)
	}
	if p.OpenIDs, err = v.named(rest); err != nil {
		return err
	}
	p.Pager = v.PagerOf(len(rest), next)
	return v.Page(http.StatusOK, "change", v.Say(msg("change.title"), p.Change.Seq), p)
}

// openidPage is what is known of one OpenID.
type openidPage struct {
	web.Frame
	named
	Blocked, Follower bool
	Actable           bool // it can be blocked or unblocked
	Changes           []changeRow
	More              bool
}

func (c *console) openid(v *visit) error {
	t, err := v.Desk.Timeline(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	person, err := v.named([]mpblock.OpenID{t.OpenID})
	if err != nil {
		return err
	}
	p := &openidPage{
		named: person[0], Blocked: t.Blocked, Follower: t.Follower, Changes: v.changeRows(t.Rows), More: t.More,
		Actable: t.Blocked || t.Follower || v.Account.AnyFollower,
	}
	return v.Page(http.StatusOK, "openid", p.OpenID, p)
}
