package console

import (
	"iter"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// taken are the entries of the blacklist that fit a filter, as the source of a job.
type taken struct {
	rows iter.Seq2[lists.EntryRow, error]
	most int  // how many a job takes
	n    int  // that were taken
	more bool // there were more than that
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
	return nil, nil
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
	all := &taken{rows: v.Desk.Export(v.Ctx(), v.Account.AppID, q), most: jobs.MaxJob}
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
