package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/person"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
)

// historyPage is a page of changes, newest first.
type historyPage struct {
	web.Frame
	Filter  filter
	Stop    *stop
	There   bool           // it is about a list on the platform
	Left    *platform.Left // a change that is not in the log yet, and
	LeftBy  actors.Actor   // by whom
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
	before, told := parsePlace(v.R.URL.Query().Get("after"))
	page, err := v.Desk.History(v.Ctx(), v.Account.AppID, lists.ChangeQuery{
		Action: actionNamed(f.Action), Reason: f.Reason, Actor: f.Actor, Since: since, Until: until,
		Before: before, Told: told, Whole: !strings.HasPrefix(f.Actor, "job:"), Limit: v.Rows(),
	})
	if err != nil {
		return v.Again(err, render)
	}
	if p.Changes, err = v.recent(page.Rows); err != nil {
		return err
	}
	there, err := platform.StagesOf(v.Visit)
	if err != nil {
		return err
	}
	p.There = there != nil
	if left := there.Left(); left != nil && before == 0 {
		p.Left, p.LeftBy = left, actors.Of(v.Visit, left.Actor)
	}
	p.Pager = v.PagerOf(len(p.Changes), place(page))
	p.Stop = v.stopAt(page.Reached, mpblock.OpenID{}, &p.Pager)
	return render(http.StatusOK)
}

// place is where the page after one of the history begins: before a change, and without
// the jobs that have been told of.
func place(page lists.ChangePage) string {
	if page.Next == 0 {
		return ""
	}
	return strings.Join(append([]string{strconv.FormatUint(page.Next, 10)}, page.Told...), ",")
}

func parsePlace(text string) (before uint64, told []string) {
	parts := strings.Split(text, ",")
	return number(parts[0]), parts[1:]
}

// recent are the rows of changes that people look back on: with whom they are about, and
// the changes of a job as one.
func (v *visit) recent(of []lists.ChangeRow) ([]changeRow, error) {
	rows := v.changeRows(of)
	there, err := platform.StagesOf(v.Visit)
	if err != nil {
		return nil, err
	}
	for i, r := range of {
		if r.Job == "" {
			continue
		}
		j, err := v.Desk.Job(v.Ctx(), v.Account.AppID, r.Job)
		if err != nil && mpblock.KindOf(err) != mpblock.NotFound {
			return nil, err
		}
		rows[i].ofJob(v, r, j, there)
	}
	return rows, v.tellWho(rows, of)
}

// ofJob has the row of the newest change of a job stand for all of them. A job that is
// forgotten has no ID: how many OpenIDs its other changes have is not known.
func (row *changeRow) ofJob(v *visit, r lists.ChangeRow, j jobs.Job, there *platform.Stages) {
	row.Pieces, row.standing = actors.ChangesOf(v.Visit, r.Actor), standing{}
	if row.Least = j.ID == ""; row.Least {
		row.Actor.Job = row.Pieces
		return
	}
	view := v.jobView(j, there)
	row.Count, row.Reason, row.standing = j.Progress.Done, j.Reason, view.standing
	switch {
	case j.Active():
		row.State = view.State
	case view.There > 0:
		row.State = v.Say(msg("job.there"), view.There)
	}
}

func actionNamed(name string) mpblock.Action {
	switch name {
	case "block":
		return mpblock.Block
	case "unblock":
		return mpblock.Unblock
	case "amend":
		return mpblock.Amend
	}
	return 0
}

// changePage is one change with its OpenIDs.
type changePage struct {
	web.Frame
	Change  changeRow
	There   string // how far it is on the platform; "": its list lies here
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
	there, err := platform.StagesOf(v.Visit)
	if err != nil {
		return err
	}
	p := &changePage{Change: v.changeRow(row)}
	if change.Action != mpblock.Amend { // which is here alone
		p.There = there.Acknowledged()
	}
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
	person.Facts
	Blocked, Follower bool
	Ends              *until.View
	Actable           bool // it can be blocked or unblocked
	Changes           []changeRow
	More              bool
}

func (c *console) openid(v *visit) error {
	t, err := v.Desk.Timeline(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	who, err := v.named([]mpblock.OpenID{t.OpenID})
	if err != nil {
		return err
	}
	facts, err := person.FactsOf(v.Visit, t)
	if err != nil {
		return err
	}
	p := &openidPage{
		named: who[0], Facts: facts, Blocked: t.Blocked, Follower: t.Follower, Ends: v.until(t.Until), Changes: v.changeRows(t.Rows), More: t.More,
		Actable: t.Blocked || t.Follower || v.Account.AnyFollower,
	}
	return v.Page(http.StatusOK, "openid", p.OpenID, p)
}
