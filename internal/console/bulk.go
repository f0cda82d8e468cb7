package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/upload"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
)

// bulkPage takes a list and shows the jobs of the account.
type bulkPage struct {
	web.Frame
	Unblock bool
	Pasted  string
	MaxSize int // MiB
	Jobs    []jobView
	Pager   web.Pager
}

// jobRows is how many jobs a page lists.
const jobRows = 20

func (c *console) bulk(v *visit) error { return v.bulkForm(http.StatusOK, mpblock.Block, "") }

// bulkForm shows the form, with what was entered before.
func (v *visit) bulkForm(status int, action mpblock.Action, pasted string) error {
	p := &bulkPage{Unblock: action == mpblock.Unblock, Pasted: pasted, MaxSize: upload.MaxSize >> 20}
	jobs, err := v.Desk.Jobs(v.Ctx(), v.Account.AppID, v.R.URL.Query().Get("after"), jobRows)
	if err != nil {
		return err
	}
	there, err := platform.StagesOf(v.Visit)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		p.Jobs = append(p.Jobs, v.jobView(j, there))
	}
	next := ""
	if len(jobs) == jobRows {
		next = jobs[jobRows-1].ID
	}
	p.Pager = v.PagerOf(len(jobs), next)
	return v.Page(status, "bulk", v.Say(msg("nav.bulk")), p)
}

// draft takes a list in, keeps it as a job that has not started, and shows what it
// would do.
func (c *console) draft(v *visit) error {
	in, err := upload.Of(v.Visit)
	if err != nil {
		return err
	}
	defer in.Remove()
	action, err := actionOf(in)
	var job jobs.Job
	if err == nil {
		job, err = v.Desk.DraftJob(v.Ctx(), v.Account.AppID, action, in)
	}
	if err != nil {
		return v.Again(upload.Problem(v.Visit, err), func(status int) error { return v.bulkForm(status, action, in.Pasted()) })
	}
	return v.See(v.Base() + "/jobs/" + job.ID)
}

// actionOf reads the first field of the form, which says what to do.
func actionOf(in *upload.Upload) (mpblock.Action, error) {
	switch text, err := in.First("action"); {
	case err != nil:
		return 0, err
	case text == "block":
		return mpblock.Block, nil
	case text == "unblock":
		return mpblock.Unblock, nil
	}
	return 0, upload.ErrForm
}
