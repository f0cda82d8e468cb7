package console

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// blacklistPage is a page of the blacklist.
type blacklistPage struct {
	web.Frame
	Filter       filter
	ByID         bool
	Newest, IDs  string // addresses of the list in either order
	Export, Take string // addresses of the exports with the filter, up to the format, and of taking all
	Counted      counted
	Stop         *stop
	Rows         []entryRow
	Pager        web.Pager
}

// counted is how many entries fit a filter, as far as they are counted.
type counted struct {
	Filtered bool
	N, Total int
	More     string // address that counts on; "" if all are counted
	Again    bool   // it comes by itself, after the page
}

type entryRow struct {
	named
	Since  i18n.Stamp
	Ends   *until.View
	Actor  actors.Actor
	Reason string
}

// byID tells the order of the list: the newest come first, but where OpenIDs are looked
// up by their beginning.
func (v *visit) byID(f filter) bool {
	sort := v.R.URL.Query().Get("sort")
	return sort == "openid" || sort == "" && f.Query != ""
}

// entryQuery reads what of the blacklist is asked for.
func (v *visit) entryQuery(f filter) (lists.EntryQuery, error) {
	since, before, err := f.times(v)
	q := lists.EntryQuery{
		ByID: v.byID(f), Prefix: f.Query, Reason: f.Reason, Actor: f.Actor, Since: since, Until: before,
		After: v.R.URL.Query().Get("after"), Limit: v.Rows(),
	}
	var ok bool
	if q.EndBy, ok = until.By(f.Ends, v.c.Desks.Now()); !ok {
		return q, web.ErrMissing
	}
	return q, err
}

func (c *console) blacklist(v *visit) error {
	f := v.filter()
	if f.Elsewhere != "" {
		return v.See(f.Elsewhere)
	}
	p := &blacklistPage{
		ByID: v.byID(f), Newest: f.with(v, "sort", "newest"), IDs: f.with(v, "sort", "openid"),
		Export: v.under("/blacklist/export", f) + "format=", Take: v.under("/blacklist/take", f),
		Counted: counted{Filtered: f.Set, Total: v.Account.Blocked},
	}
	f.offerEnds(v)
	err := f.offer(v)
	p.Filter = f
	if err != nil {
		return err
	}
	render := func(status int) error {
		return v.Page(status, "blacklist", v.Say(msg("nav.blacklist"))+" ("+i18n.Grouped(p.Counted.Total)+")", p)
	}
	query, err := v.entryQuery(f)
	if err != nil {
		return v.Again(err, render)
	}
	page, err := v.entries(query)
	if err != nil {
		return v.Again(err, render)
	}
	ids := make([]mpblock.OpenID, 0, len(page.Rows))
	for _, r := range page.Rows {
		ids = append(ids, r.OpenID)
	}
	people, err := v.named(ids)
	if err != nil {
		return err
	}
	for i, r := range page.Rows {
		p.Rows = append(p.Rows, entryRow{people[i], i18n.StampOf(r.Time, v.Zone), v.until(r.Until), actors.Of(v.Visit, r.Actor), r.Reason})
	}
	p.Pager = v.PagerOf(len(p.Rows), page.Next)
	if f.Set || len(p.Rows) == 0 {
		p.Stop = v.stopAt(page.Reached, page.ReachedID, &p.Pager)
	}
	p.Counted.Total = page.Total
	p.Counted.N = len(p.Rows)
	switch {
	case !f.Set:
		p.Counted.N = p.Counted.Total
	case query.After != "", page.Next != "" && query.ByID != countedByID(f): // from the beginning
		p.Counted.More = v.countFrom(f, "", 0)
	case page.Next != "":
		p.Counted.More = v.countFrom(f, page.Next, len(p.Rows))
	}
	return render(http.StatusOK)
}

// A page goes on by itself while it has found nothing, so often and for so long.
const (
	goOns   = 5
	goOnFor = 25 * time.Millisecond
)

// entries returns a page of the blacklist.
func (v *visit) entries(q lists.EntryQuery) (lists.EntryPage, error) {
	begin := v.c.Desks.Now()
	page, err := v.Desk.Blacklist(v.Ctx(), v.Account.AppID, q)
	for n := 0; n < goOns && err == nil && len(page.Rows) == 0 && page.Next != "" && v.c.Desks.Now().Sub(begin) < goOnFor; n++ {
		q.After = page.Next
		page, err = v.Desk.Blacklist(v.Ctx(), v.Account.AppID, q)
	}
	return page, err
}

// countFrom returns the address that counts on, n being counted already.
func (v *visit) countFrom(f filter, after string, n int) string {
	return v.under("/blacklist/count", f) + url.Values{"after": {after}, "n": {strconv.Itoa(n)}}.Encode()
}

// countedByID tells in which order is counted: that which takes less, whatever the order
// of the list.
func countedByID(f filter) bool { return f.Query != "" }

// countMore is the count in the heading, a piece further.
func (c *console) countMore(v *visit) error {
	f := v.filter()
	q, err := v.entryQuery(f)
	if err != nil || f.Elsewhere != "" {
		return web.ErrMissing
	}
	q.ByID = countedByID(f)
	p := &blacklistPage{Counted: counted{Filtered: true, Total: v.Account.Blocked, Again: true}, Take: v.under("/blacklist/take", f)}
	p.Counted.N = int(min(number(v.R.URL.Query().Get("n")), 1<<40))
	n, next, err := v.Desk.CountEntries(v.Ctx(), v.Account.AppID, q)
	if err != nil {
		return err
	}
	if p.Counted.N += n; next != "" {
		p.Counted.More = v.countFrom(f, next, p.Counted.N)
	}
	return v.Part(http.StatusOK, "blacklist", "counted", p)
}

// under returns the address of something about the list with the filter, for more
// fields to come behind.
func (v *visit) under(path string, f filter) string {
	query := f.kept.Encode()
	if query != "" {
		query += "&"
	}
	return v.Base() + path + "?" + query
}
