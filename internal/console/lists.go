package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// followersPage is a page of followers.
type followersPage struct {
	web.Frame
	Total int
	Query string
	Rows  []followerRow
	Pager web.Pager
}

type followerRow struct {
	OpenID, Address string
	Blocked         bool
}

func (c *console) followers(v *visit) error {
	begin, elsewhere := v.begin()
	if elsewhere != "" {
		return v.See(elsewhere)
	}
	p := &followersPage{Query: begin, Total: v.Account.Followers}
	render := func(status int) error { return v.Page(status, "followers", v.Say(msg("nav.followers")), p) }
	query := lists.FollowerQuery{Limit: web.PageRows, Prefix: p.Query}
	if after := v.R.URL.Query().Get("after"); after != "" {
		id, err := mpblock.ParseOpenID(after)
		if err != nil {
			return web.ErrMissing
		}
		query.After = id
	}
	page, err := v.Desk.Followers(v.Ctx(), v.Account.AppID, query)
	if err != nil {
		return v.Again(err, render)
	}
	p.Total = page.Total
	for _, r := range page.Rows {
		id := r.OpenID.String()
		p.Rows = append(p.Rows, followerRow{id, v.Base() + "/openids/" + id, r.Blocked})
	}
	p.Pager = v.PagerOf(len(p.Rows), page.Next.String())
	return render(http.StatusOK)
}

// begin returns the beginning of OpenIDs that a list is to be narrowed down to. What
// is none, or is a whole one, is for the search, whose address it returns instead.
func (v *visit) begin() (text, elsewhere string) {
	asked := v.R.URL.Query().Get("q")
	text, ids := lines.Pasted(asked)
	if len(ids) > 0 || text != "" && !lines.MayBegin(text) {
		return "", v.Base() + "/search?q=" + url.QueryEscape(asked)
	}
	return text, ""
}

// filter is what a list is narrowed down by, as it stands in the address.
type filter struct {
	Query, Reason, Actor string
	Elsewhere            string // address of the search, if Query is not for a list
	Action               string // block, unblock or ""
	From, To             string // days in the viewer's zone, YYYY-MM-DD
	Actions              bool   // the list can be narrowed down by action
	Set                  bool   // any of them is there
	Reasons              []string
}

// suggestions is how many earlier reasons are offered.
const suggestions = 8

func (v *visit) filter() (filter, error) {
	q := v.R.URL.Query()
	f := filter{
		Reason: strings.TrimSpace(q.Get("reason")), Actor: strings.TrimSpace(q.Get("actor")),
		Action: q.Get("action"), From: q.Get("from"), To: q.Get("to"),
	}
	f.Query, f.Elsewhere = v.begin()
	f.Set = f.Query+f.Reason+f.Actor+f.Action+f.From+f.To != ""
	var err error
	f.Reasons, err = v.Desk.Reasons(v.Ctx(), v.Account.AppID, suggestions)
	return f, err
}

// times returns the instants that the days of a filter stand for: until is that at
// which the last day ends.
func (f filter) times(v *visit) (since, until time.Time, err error) {
	for _, day := range []struct {
		text string
		to   *time.Time
		more int
	}{{f.From, &since, 0}, {f.To, &until, 1}} {
		if day.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, day.text, v.Zone)
		if err != nil {
			return since, until, web.Invalid(v.Say(msg("filter.day"), day.text))
		}
		*day.to = t.AddDate(0, 0, day.more)
	}
	return since, until, nil
}

// actorPrefix returns the beginning of the actors that are meant by what somebody
// has typed: an operator's name, a job, or the API.
func (v *visit) actorPrefix(typed string) string {
	switch {
	case typed == "":
		return ""
	case strings.EqualFold(typed, v.Say(msg("actor.api"))), strings.EqualFold(typed, mpblock.ActorAPI):
		return mpblock.ActorAPI
	case strings.Contains(typed, ":"), typed == "demo":
		return typed
	}
	return "console:" + typed
}

// blacklistPage is a page of the blacklist.
type blacklistPage struct {
	web.Frame
	Total   int
	Filter  filter
	Export  string // the address of the exports with the filter, up to the format
	Reached *i18n.Stamp
	Rows    []entryRow
	Pager   web.Pager
}

type entryRow struct {
	OpenID, Address string
	Since           i18n.Stamp
	Actor           actorView
	Reason          string
}

// entryQuery reads what of the blacklist is asked for.
func (v *visit) entryQuery(f filter) (lists.EntryQuery, error) {
	since, until, err := f.times(v)
	return lists.EntryQuery{
		Prefix: f.Query, Reason: f.Reason, Actor: v.actorPrefix(f.Actor), Since: since, Until: until,
		After: v.R.URL.Query().Get("after"), Limit: web.PageRows,
	}, err
}

func (c *console) blacklist(v *visit) error {
	f, err := v.filter()
	if err != nil {
		return err
	}
	if f.Elsewhere != "" {
		return v.See(f.Elsewhere)
	}
	p := &blacklistPage{Filter: f, Total: v.Account.Blocked, Export: v.exportAddress()}
	render := func(status int) error {
		return v.Page(status, "blacklist", v.Say(msg("nav.blacklist"))+" ("+i18n.Grouped(p.Total)+")", p)
	}
	query, err := v.entryQuery(f)
	if err != nil {
		return v.Again(err, render)
	}
	page, err := v.Desk.Blacklist(v.Ctx(), v.Account.AppID, query)
	if err != nil {
		return v.Again(err, render)
	}
	p.Total = page.Total
	for _, r := range page.Rows {
		id := r.OpenID.String()
		p.Rows = append(p.Rows, entryRow{id, v.Base() + "/openids/" + id, i18n.StampOf(r.Time, v.Zone), v.actor(r.Actor), r.Reason})
	}
	p.Reached = v.reached(page.Reached)
	p.Pager = v.PagerOf(len(p.Rows), page.Next)
	return render(http.StatusOK)
}

// exportAddress returns the address of the exports, for the format to come behind.
func (v *visit) exportAddress() string {
	q := v.R.URL.Query()
	for _, key := range []string{"after", "t", "format"} {
		q.Del(key)
	}
	query := q.Encode()
	if query != "" {
		query += "&"
	}
	return v.Base() + "/blacklist/export?" + query + "format="
}

// reached returns how far back a search has come, if it stopped before its end.
func (v *visit) reached(t time.Time) *i18n.Stamp {
	if t.IsZero() {
		return nil
	}
	s := i18n.StampOf(t, v.Zone)
	return &s
}
