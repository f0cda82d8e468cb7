package local

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/stage"
)

type accountJobs struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account."`
}

// Run lists the jobs of the console, with what is in their way on the platform.
func (c accountJobs) Run(ctx context.Context, t ui.Terminal) error {
	all, err := admin.Dial(c.Data).Jobs(ctx, c.AppID)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		t.Printf("%s has no jobs\n", c.AppID)
		return nil
	}
	return printJobs(t, all)
}

func printJobs(t ui.Terminal, all []admin.Job) error {
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tACTION\tSTATE\tOPENIDS\tDONE\tALREADY\tREFUSED\tREASON")
	for _, j := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", ui.Printable(j.ID), j.Action, j.State, ui.Grouped(j.Total), ui.Grouped(j.Done),
			ui.Grouped(j.Already), ui.Grouped(j.Refused), ui.Printable(j.Reason))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, j := range all {
		for _, line := range aboutJob(j) {
			t.Printf("%s: %s\n", ui.Printable(j.ID), ui.Printable(line))
		}
	}
	return nil
}

// aboutJob says what is in a job's way, and what the platform has refused.
func aboutJob(j admin.Job) (lines []string) {
	if j.Problem != "" {
		lines = append(lines, j.Problem)
	}
	if j.Platform != nil {
		lines = append(lines, stageText(*j.Platform))
	}
	for _, code := range slices.Sorted(maps.Keys(j.Codes)) {
		lines = append(lines, fmt.Sprintf("the platform has refused %s with %d: %s", ui.Grouped(j.Codes[code]), code, meaning(code, "")))
	}
	return lines
}

// meaning says what a code of the platform means.
func meaning(code int, said string) string {
	c := doctor.OfCode(code, "")
	if c.Key != "doctor.code" {
		return strings.TrimRight(doctorText(c), ".")
	}
	return cmp.Or(said, "see the platform's documentation")
}

// stageText says how far a change is on its way to the platform.
func stageText(s stage.Stage) string {
	switch s.Name {
	case stage.Refused:
		return fmt.Sprintf("refused by the platform with %d: %s; it is tried again by itself", s.Code, meaning(s.Code, s.Text))
	case stage.Unknown:
		text := fmt.Sprintf("unknown, being checked: the platform's answer about %s was lost, since %s", ui.Many(s.OpenIDs, "OpenID"), ui.Local(s.Since))
		if s.Why == stage.WhyDoubt {
			text += "; its list is not believed until somebody is sure (mpblock account sync --sure)"
		}
		return text
	case stage.Waiting, stage.Done:
	}
	why := map[stage.Why]string{
		stage.WhyDay:    "the calls of the day are used up, or left to people",
		stage.WhyMinute: "the calls of the minute are used up",
		stage.WhyBefore: "an earlier change is being checked",
	}[s.Why]
	if why == "" {
		why = fmt.Sprintf("it has been failing since %s: %s", ui.Local(s.Since), s.Text)
	}
	if !s.Until.IsZero() {
		why += "; it goes on by itself, at " + ui.Local(s.Until) + " at the latest"
	}
	return "waiting for the platform: " + why
}
