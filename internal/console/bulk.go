package console

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"mpblock"
	"mpblock/internal/console/upload"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
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
	p := &bulkPage{Unblock: action == mpblock.Unblock, Pasted: pasted, MaxSize: maxList >> 20}
	jobs, err := v.Desk.Jobs(v.Ctx(), v.Account.AppID, v.R.URL.Query().Get("after"), jobRows)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		p.Jobs = append(p.Jobs, v.jobView(j))
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
	v.takeLong()
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxList)
	parts, err := v.R.MultipartReader()
	if err != nil {
		return web.Invalid(v.Say(msg("error.form")))
	}
	action, err := actionOf(parts)
	var job jobs.Job
	in := upload.New(parts)
	defer in.Remove()
	if err == nil {
		job, err = v.Desk.DraftJob(v.Ctx(), v.Account.AppID, action, in)
	}
	if err != nil {
		return v.Again(v.listProblem(err), func(status int) error { return v.bulkForm(status, action, in.Pasted()) })
	}
	return v.See(v.Base() + "/jobs/" + job.ID)
}

// takeLong lets the request last as long as a long list does.
func (v *visit) takeLong() {
	_ = http.NewResponseController(v.W).SetReadDeadline(time.Now().Add(web.LongTime)) // where there is none, there is no need
	_ = http.NewResponseController(v.W).SetWriteDeadline(time.Now().Add(web.LongTime))
}

// listProblem turns what can be wrong with the coming in of a list into words.
func (v *visit) listProblem(err error) error {
	var large *http.MaxBytesError
	var unread *lines.Error
	switch {
	case errors.As(err, &large):
		return web.Invalid(v.Say(msg("bulk.large"), maxList>>20))
	case errors.As(err, &unread):
		return web.Invalid(v.Lang.Unread(unread))
	case errors.Is(err, errForm), errors.Is(err, io.ErrUnexpectedEOF):
		return web.Invalid(v.Say(msg("error.form")))
	}
	return err
}

var errForm = errors.New("console: a form that is not as the page has it")

// actionOf reads the first field of the form, which says what to do.
func actionOf(parts *multipart.Reader) (mpblock.Action, error) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "action" {
		return 0, errForm
	}
	text, err := io.ReadAll(io.LimitReader(part, 16))
	if err != nil {
		return 0, err
	}
	switch string(text) {
	case "block":
		return mpblock.Block, nil
	case "unblock":
		return mpblock.Unblock, nil
	}
	return 0, errForm
}
