package console

import (
	"net/http"
	"net/url"

	"mpblock"
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
	named
	Blocked, Protected bool
}

func (c *console) followers(v *visit) error {
	begin, elsewhere := v.begin()
	if elsewhere != "" {
		return v.See(elsewhere)
	}
	p := &followersPage{Query: begin, Total: v.Account.Followers}
	render := func(status int) error { return v.Page(status, "followers", v.Say(msg("nav.followers")), p) }
	query := lists.FollowerQuery{Limit: v.Rows(), Prefix: p.Query}
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
	ids := make([]mpblock.OpenID, 0, len(page.Rows))
	for _, r := range page.Rows {
		ids = append(ids, r.OpenID)
	}
	people, err := v.named(ids)
	if err != nil {
		return err
	}
	protected, err := v.Desk.ProtectedAmong(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return err
	}
	for i, r := range page.Rows {
		_, kept := protected[r.OpenID]
		p.Rows = append(p.Rows, followerRow{people[i], r.Blocked, kept})
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
