package console

import (
	"iter"
	"maps"
	"net/url"
	"time"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// taken are the entries of the blacklist that fit a filter, as the source of a job.
type taken struct {
	rows  iter.Seq2[lists.EntryRow, error]
	query string // of the filter, as the address of the list has it
	most  int    // how many a job takes
	n     int    // that were taken
	more  bool   // there were more than that
}

// Receive implements jobs.Source.
func (*taken) Receive() error { return nil }

// Read implements jobs.Source.
func (t *taken) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	for row, err := range t.rows {
		if err != nil {
			return nil, err
		}
		if t.n == t.most {
			t.more = true
			break
		}
		t.n++
		if err := each(lines.Line{Number: t.n, Text: row.OpenID.String(), OpenID: row.OpenID}); err != nil {
			return nil, err
		}
	}
	return []lines.Summary{{Query: t.query, OpenIDs: t.n}}, nil
}

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
	all := &taken{rows: v.Desk.Export(v.Ctx(), v.Account.AppID, q), query: f.fixed(q.Since, v.Zone).Encode(), most: jobs.MaxJob}
	job, err := v.Desk.DraftJob(v.Ctx(), v.Account.AppID, mpblock.Unblock, all)
	if err != nil {
		return err
	}
	v.TellWith(v.tookAll(all))
	return v.See(v.Base() + "/jobs/" + job.ID)
}

// tookAll says what was taken.
func (v *visit) tookAll(t *taken) web.Notice {
	if t.more {
		return web.Notice{Kind: "mind", Text: v.Say(msg("take.first"), t.n)}
	}
	return web.Notice{Kind: "good", Text: v.Say(msg("take.done"), t.n)}
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

// wasRead says what was read for a job: of a file, or of the blacklist by a filter.
func (v *visit) wasRead(s lines.Summary) string {
	if !s.Taken() {
		return v.Lang.WasRead(s)
	}
	q, err := url.ParseQuery(s.Query)
	if err != nil || len(q) == 0 {
		return v.Say(msg("take.whole"), s.OpenIDs)
	}
	said := ""
	for _, part := range []struct {
		key   msg
		value string
	}{
		{msg("take.begin"), q.Get("q")},
		{msg("take.reason"), q.Get("reason")},
		{msg("take.actor"), actors.Of(v.Visit, web.ActorAsked(q.Get("actor"))).Name},
		{msg("take.day"), q.Get("day")},
		{msg("take.from"), q.Get("from")},
		{msg("take.to"), q.Get("to")},
		{msg("take.ends"), q.Get("ends")},
	} {
		switch {
		case part.value == "":
		case said == "":
			said = v.Say(part.key, part.value)
		default:
			said = v.Say(msg("take.and"), said, v.Say(part.key, part.value))
		}
	}
	return v.Say(msg("take.read"), s.OpenIDs, said)
}
