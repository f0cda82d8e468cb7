// Package jobreport says what a job has done, and what it did not do and why: in words, with
// the platform's code and what it means, and as a file.
package jobreport

import (
	"maps"
	"slices"
	"strconv"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/platform"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// State returns how the state of a job is called, and the colour of its label.
func State(l i18n.Lang, s jobs.JobState) (text, mood string) {
	words := map[jobs.JobState]struct {
		text msg
		mood string
	}{
		jobs.JobDraft:    {msg("state.draft"), "mind"},
		jobs.JobQueued:   {msg("state.queued"), "mind"},
		jobs.JobRunning:  {msg("state.running"), "mind"},
		jobs.JobStopping: {msg("state.stopping"), "mind"},
		jobs.JobStopped:  {msg("state.stopped"), "black"},
		jobs.JobDone:     {msg("state.done"), "good"},
		jobs.JobFailed:   {msg("state.failed"), "black"},
	}[s]
	return l.Say(words.text), words.mood
}

// Words says why a line was refused.
func Words(l i18n.Lang, r jobs.RefusedLine) string {
	if text := detail(l, r); text != "" {
		return text
	}
	return why(l, r.Why)
}

// detail says why a line was refused, beyond what its Why does; "" if nothing does.
func detail(l i18n.Lang, r jobs.RefusedLine) string {
	if code, err := strconv.Atoi(r.Detail); r.Why == jobs.WhyPlatform && err == nil {
		return platform.Refused(l, code)
	}
	if text, ok := l.BadLine(r.Key, r.Args); ok {
		return text
	}
	return r.Detail
}

func why(l i18n.Lang, w jobs.RefusedWhy) string {
	switch w {
	case jobs.WhyMalformed:
		return l.Say(msg("plan.malformed"))
	case jobs.WhyForeign:
		return l.Say(msg("plan.foreign"))
	case jobs.WhyUnknown:
		return l.Say(msg("plan.unknown"))
	case jobs.WhyChanged:
		return l.Say(msg("why.changed"))
	case jobs.WhyPlatform:
		return l.Say(msg("why.platform"))
	case jobs.WhyProtected:
		return l.Say(msg("why.protected"))
	}
	return string(w)
}

// Figure is a line of a preview or a report.
type Figure struct {
	Kind, Name string
	Count      int
	Then       string
}

// Figures are how far a job is; on the platform, at a stage.
func Figures(l i18n.Lang, j jobs.Job, there bool, at *platform.Stage) []Figure {
	var all []Figure
	add := func(kind string, name msg, count int) {
		all = append(all, Figure{Kind: kind, Name: l.Say(name), Count: count})
	}
	add("done", msg("job.done.changed"), j.Progress.Done)
	add("already", msg("job.done.already"), j.Progress.Already)
	add("refused", msg("job.done.refused"), j.Progress.Refused+j.Preview.Malformed+j.Preview.Foreign)
	for _, code := range slices.Sorted(maps.Keys(j.Codes)) {
		all = append(all, Figure{Kind: "code", Name: l.Say(msg("job.done.code"), strconv.Itoa(code), platform.Means(l, code)), Count: j.Codes[code]})
	}
	left := j.Progress.Total - j.Progress.Seen()
	if at != nil && at.OpenIDs > 0 {
		add("unknown", msg("stage.unknown"), at.OpenIDs)
		left -= at.OpenIDs
	}
	name := msg("job.done.left")
	if there && j.Active() {
		name = msg("stage.waiting")
	}
	add("left", name, left)
	return all
}

// Person is an OpenID that the platform has refused.
type Person struct {
	OpenID, Address string
	Code            string
}

// First returns the first OpenIDs of a job that the platform has refused.
func First(v *web.Visit, j jobs.Job, most int) ([]Person, error) {
	var all []Person
	if len(j.Codes) == 0 {
		return nil, nil
	}
	for r, err := range v.Desk.Refused(v.Ctx(), v.Account.AppID, j.ID) {
		if err != nil || len(all) == most {
			return all, err
		}
		if r.Why == jobs.WhyPlatform {
			all = append(all, Person{r.Text, v.Base() + "/openids/" + r.Text, r.Detail})
		}
	}
	return all, nil
}

// Send streams what a job did not do, as CSV whose first column can be mended and sent
// again.
func Send(v *web.Visit, j jobs.Job) error {
	v.Download("refused-"+j.ID+".csv", "text/csv; charset=utf-8")
	out := web.NewCSV(v.W, "openid", "line", "why", "detail")
	return v.Stream(out, func() error {
		for r, err := range v.Desk.Refused(v.Ctx(), v.Account.AppID, j.ID) {
			if err == nil {
				if r.Why == jobs.WhyMalformed {
					r.Text = lines.Mentioned(r.Text)
				}
				err = out.Write(r.Text, strconv.Itoa(r.Line), why(v.Lang, r.Why), detail(v.Lang, r))
			}
			if err != nil {
				return err
			}
		}
		return out.Flush()
	})
}
