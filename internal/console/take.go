package console

import (
	"maps"
	"net/url"
	"time"

	"mpblock"
	"mpblock/internal/console/taken"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
)

// take drafts a job of all that fit a filter, and shows what it would do.
func (c *console) take(v *visit) error {
	v.TakeLong()
	f := v.filter()
	if f.Elsewhere != "" { // not the whole list for what is no part of it
		return web.ErrMissing
	}
	q, err := v.entryQuery(f)
	if err != nil {
		return err
	}
	all := &taken.All{Rows: v.Desk.Export(v.Ctx(), v.Account.AppID, q), Query: f.fixed(q.Since, v.Zone).Encode(), Most: jobs.MaxJob}
	job, err := v.Desk.DraftJob(v.Ctx(), v.Account.AppID, mpblock.Unblock, all)
	if err != nil {
		return err
	}
	v.TellWith(v.tookAll(all))
	return v.See(v.Base() + "/jobs/" + job.ID)
}

// tookAll says what was taken.
func (v *visit) tookAll(t *taken.All) web.Notice {
	if t.More {
		return web.Notice{Kind: "mind", Text: v.Say(msg("take.first"), t.N)}
	}
	return web.Notice{Kind: "good", Text: v.Say(msg("take.done"), t.N)}
}

// fixed returns the fields of a filter, in which the last days have begun on a day.
func (f filter) fixed(since time.Time, zone *time.Location) url.Values {
	q := maps.Clone(f.kept)
	q.Del("sort")
	if q.Has("days") {
		q.Del("days")
		q.Set("from", since.In(zone).Format(time.DateOnly))
	}
	return q
}
