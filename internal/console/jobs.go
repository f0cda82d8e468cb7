package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/console/ask"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/jobreport"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/taken"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
)

// jobView is a job as the pages show it.
type jobView struct {
	ID, Address string
	Block       bool
	Reason, By  string
	Problem     string // why it failed
	Code        jobs.JobState
	State, Mood string // in words, and the colour of its label
	Active      bool
	Created     i18n.Stamp
	Ends        *until.View // what it blocks
	Done, Total int
	Percent     int
	Refused     int
	There       int             // of those, by the platform
	Stage       *platform.Stage // on the way to the platform; nil: nothing is in the way
	standing
}

// jobPage is a draft with what it would do, or a job with how far it is.
type jobPage struct {
	web.Frame
	Job     jobView
	Read    []string // what was read of each input of the draft
	Would   int      // OpenIDs that the draft would change
	Lines   []jobreport.Figure
	People  []jobreport.Person // the first that the platform has refused
	Bad     []badLine          // of a draft: the first of the lines that are left out
	MoreBad int
	Form    ask.Form
}

type badLine struct {
	Source string // the input, where there are several
	Line   int
	Text   string
	Why    string
}

func (v *visit) jobView(j jobs.Job, there *platform.Stages) jobView {
	state, mood := jobreport.State(v.Lang, j.State)
	bad := j.Preview.Malformed + j.Preview.Foreign // refused before it began
	view := jobView{
		ID: j.ID, Address: v.Base() + "/jobs/" + j.ID, Block: j.Action == mpblock.Block, Reason: j.Reason, By: j.By,
		Problem: v.problem(j.Problem), Code: j.State, State: state, Mood: mood, Active: j.Active(),
		Created: i18n.StampOf(j.Created, v.Zone), Ends: v.until(j.Ends), Done: j.Progress.Seen() + bad, Total: j.Progress.Total + bad,
		Refused:  j.Progress.Refused + bad,
		Stage:    there.Job(j),
		standing: standing{Undoes: v.jobRef(j.UndoOf), UndoneBy: v.jobRef(j.UndoneBy), RedoneBy: v.jobRef(j.RedoneBy), Redoes: j.Redoes},
	}
	for _, n := range j.Codes {
		view.There += n
	}
	if view.Stage != nil && j.State != jobs.JobStopping {
		view.State, view.Mood = view.Stage.Label, view.Stage.Mood
	}
	if !j.Active() && j.Undoable && v.MayChange() {
		view.ToUndo = v.Base() + "/jobs/" + j.Last + "/undo"
	}
	switch {
	case view.Total > 0:
		view.Percent = view.Done * 100 / view.Total
	case j.State == jobs.JobDone:
		view.Percent = 100
	}
	return view
}

// problem says why a job failed, in the page's language.
func (v *visit) problem(text string) string {
	if key, ok := map[string]msg{jobs.ProblemGone: msg("job.gone"), jobs.ProblemLate: msg("job.late")}[text]; ok {
		return v.Say(key)
	}
	return text
}

// jobRef returns a link to a job, nil for none.
func (v *visit) jobRef(id string) *ref {
	if id == "" {
		return nil
	}
	return &ref{Name: id, Address: v.Base() + "/jobs/" + id, Job: true}
}

func (v *visit) findJob() (jobs.Job, error) {
	return v.Desk.Job(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
}

func (c *console) job(v *visit) error {
	j, err := v.findJob()
	if err != nil {
		return err
	}
	return v.jobPage(http.StatusOK, j)
}

func (v *visit) jobPage(status int, j jobs.Job) error {
	if j.State == jobs.JobDraft {
		return v.preview(status, j, false)
	}
	p, err := v.report(j)
	if err == nil && !j.Active() {
		p.People, err = jobreport.First(v.Visit, j, sampleRows)
	}
	if err != nil {
		return err
	}
	return v.Page(status, "job", v.Say(msg("job.title"), j.ID), p)
}

// preview shows what a draft would do, and asks again for what was entered and refused.
func (v *visit) preview(status int, j jobs.Job, again bool) error {
	w := j.Preview
	p := &jobPage{Job: v.jobView(j, nil), Would: w.New}
	for _, s := range j.Read {
		p.Read = append(p.Read, taken.WasRead(v.Visit, s))
	}
	for _, line := range []struct {
		kind       string
		name, then msg
		count      int
	}{
		{"new", msg("plan.new"), msg("plan.new.then"), w.New},
		{"already", msg("plan.already"), msg("plan.already.then"), w.Already},
		{"unknown", msg("plan.unknown"), msg("plan.unknown.then"), w.Unknown},
		{"protected", msg("why.protected"), msg("plan.unknown.then"), w.Protected},
		{"malformed", msg("plan.malformed"), msg("plan.malformed.then"), w.Malformed},
		{"foreign", msg("plan.foreign"), msg("plan.foreign.then"), w.Foreign},
		{"duplicate", msg("plan.duplicate"), msg("plan.duplicate.then"), w.Duplicates},
	} {
		p.Lines = append(p.Lines, jobreport.Figure{Kind: line.kind, Name: v.Say(line.name), Count: line.count, Then: v.Say(line.then)})
	}
	for bad, err := range v.Desk.Refused(v.Ctx(), v.Account.AppID, j.ID) {
		if err != nil {
			return err
		}
		if len(p.Bad) == sampleRows {
			break
		}
		line := badLine{Line: bad.Line, Text: bad.Text, Why: jobreport.Words(v.Lang, bad)}
		if len(j.Read) > 1 {
			line.Source = bad.Source
		}
		p.Bad = append(p.Bad, line)
	}
	p.MoreBad = max(0, w.Malformed+w.Foreign-len(p.Bad))
	var err error
	if p.Form, err = ask.Of(v.Visit, "", nil); err != nil {
		return err
	}
	if again {
		p.Form.Again(v.Visit)
	}
	return v.Page(status, "preview", v.Say(msg("preview.title")), p)
}

// report shows how far a job is.
func (v *visit) report(j jobs.Job) (*jobPage, error) {
	there, err := platform.StagesOf(v.Visit)
	if err != nil {
		return nil, err
	}
	p := &jobPage{Job: v.jobView(j, there)}
	p.Lines = jobreport.Figures(v.Lang, j, there != nil, p.Job.Stage)
	return p, nil
}

// progress is the piece of the page of a job that changes while it runs.
func (c *console) progress(v *visit) error {
	j, err := v.findJob()
	if err != nil {
		return err
	}
	p, err := v.report(j)
	if err != nil {
		return err
	}
	return v.Part(http.StatusOK, "job", "progress", p)
}

func (c *console) startJob(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	end, err := v.ends()
	id := v.R.PathValue("id")
	if err == nil {
		_, err = v.Desk.StartJob(v.Ctx(), v.Account.AppID, id, v.Field("reason"), end)
	}
	if err != nil && !v.HTMX() { // else the form is still there
		if j, e := v.findJob(); e == nil && j.State == jobs.JobDraft {
			return v.Again(err, func(status int) error { return v.preview(status, j, true) })
		}
	}
	if err != nil {
		return err
	}
	return v.See(v.Base() + "/jobs/" + id)
}

func (c *console) stopJob(v *visit) error {
	j, err := v.Desk.StopJob(v.Ctx(), v.Account.AppID, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	v.Tell("mind", v.Say(msg("job.stopped")))
	return v.See(v.Base() + "/jobs/" + j.ID)
}

func (c *console) dropJob(v *visit) error {
	if err := v.Desk.DropJob(v.Ctx(), v.Account.AppID, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.See(v.Base() + "/bulk")
}

// refused sends what a job did not do as a file.
func (c *console) refused(v *visit) error {
	j, err := v.findJob()
	if err != nil {
		return err
	}
	return jobreport.Send(v.Visit, j)
}
