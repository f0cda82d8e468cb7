package overapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
	"mpblock/internal/lines"
	"mpblock/internal/wire"
)

// jobFlags are the flags of the commands that run a job.
type jobFlags struct {
	Workers int  `help:"Calls at the same time, 1 to 64. Default: ${default}." default:"4"`
	JSON    bool `help:"Print the report as JSON."`
}

// maxWorkers is how many calls a job makes at the same time at most.
const maxWorkers = 64

// Validate checks what the parser does not.
func (f jobFlags) Validate() error {
	if f.Workers < 1 || f.Workers > maxWorkers {
		return fmt.Errorf("--workers %d: want 1 to %d", f.Workers, maxWorkers)
	}
	return nil
}

// newJob is the flags of the commands that begin one.
type newJob struct {
	remote
	jobFlags
	Job    string `help:"File for the journal of the job. Default: one that mpblock jobs lists." placeholder:"FILE"`
	DryRun bool   `help:"Show what would be done, and do nothing."`
	Format string `help:"Form of the files: ${enum}. Default: what they look like." enum:"auto,text,csv,ndjson" default:"auto"`

	AnyPrefix bool `help:"Send OpenIDs that look like another account's too. They are refused in the plan where the prefix of all on the blacklist is another."`
}

type changeFlags struct {
	newJob
	terms
	File    []string `short:"f" help:"File with OpenIDs, as follower import takes it; - is standard input." placeholder:"FILE"`
	OpenIDs []string `arg:"" optional:"" name:"openid" help:"OpenIDs."`
}

type blockCmd struct {
	changeFlags
	ends
}

// Run blocks.
func (c blockCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.change(ctx, t, mpblock.Block, c.ends)
}

type unblockCmd struct{ changeFlags }

// Run unblocks.
func (c unblockCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.change(ctx, t, mpblock.Unblock, ends{})
}

func (c changeFlags) change(ctx context.Context, t ui.Terminal, action mpblock.Action, e ends) error {
	with, err := c.of(e)
	if err == nil {
		err = checkNames(action, c.OpenIDs)
	}
	if err != nil {
		return err
	}
	explainWords(t, c.OpenIDs)
	r, err := read(t, c.File, c.Format)
	if err == nil && len(c.OpenIDs) == 0 {
		err = r.some()
	}
	if err != nil {
		return err
	}
	r.ids = append(c.OpenIDs, r.ids...)
	if len(r.ids) == 0 {
		return ui.Failed(ui.CodeUsage, fmt.Sprintf("mpblock %s -f FILE", action), "no OpenID is given")
	}
	api, err := c.over(t, with)
	if err != nil {
		return err
	}
	if v1, ok := api.(*termed); ok {
		if err := v1.try(ctx, action, r.ids[0]); err != nil {
			return err
		}
	}
	plan, err := bulk.Make(ctx, api, r.wishes(action), bulk.PlanOptions{AnyPrefix: c.AnyPrefix})
	if err != nil {
		return explainRemote(err)
	}
	plan.Terms = with
	return c.begin(ctx, t, api, proposal{command: action.String(), plan: plan, read: r})
}

type applyCmd struct {
	newJob
	IgnoreMalformed bool   `help:"Go on although lines of the file are no OpenIDs. Who was meant by them is unblocked."`
	Yes             bool   `help:"Do not ask."`
	MaxUnblock      int    `help:"Refuse to unblock more than so many percent of the blacklist. Default: ${default}." default:"20" placeholder:"PERCENT"`
	File            string `arg:"" help:"File with the OpenIDs that are to be blocked, and no others; - is standard input."`
}

// Run makes the blacklist equal to a file.
func (c applyCmd) Run(ctx context.Context, t ui.Terminal) error {
	if c.MaxUnblock < 0 || c.MaxUnblock > 100 {
		return ui.Failed(ui.CodeUsage, "", "--max-unblock %d: want 0 to 100 percent", c.MaxUnblock)
	}
	r, err := read(t, []string{c.File}, c.Format)
	if err == nil {
		err = r.some()
	}
	if err != nil {
		return err
	}
	malformed := c.malformed(r)
	if malformed != nil && !c.DryRun {
		return malformed
	}
	api, err := c.dial(t)
	if err != nil {
		return err
	}
	plan, err := bulk.Equal(ctx, api, r.ids, bulk.PlanOptions{AnyPrefix: c.AnyPrefix})
	if err != nil {
		return explainRemote(err)
	}
	p := proposal{command: "apply", plan: plan, read: r, refusal: malformed}
	if p.refusal == nil {
		p.refusal = c.tooMany(plan)
	}
	if p.refusal == nil && !c.Yes && !c.DryRun && plan.Calls() > 0 {
		c.show(t, p)
		if !t.Ask("Go on?") {
			return ui.Failed(ui.CodeCancelled, "--yes does not ask", "nothing was done")
		}
	}
	return c.begin(ctx, t, api, p)
}

// malformed refuses a file with lines that cannot be read: whoever was meant by them
// would be unblocked.
func (c applyCmd) malformed(r *reading) error {
	if len(r.bad) == 0 || c.IgnoreMalformed {
		return nil
	}
	var first []string
	for _, b := range r.bad[:min(len(r.bad), 3)] {
		first = append(first, fmt.Sprint(b.Line))
	}
	if len(r.bad) > len(first) {
		first = append(first, "…")
	}
	what := "1 line is malformed"
	if len(r.bad) > 1 {
		what = ui.Grouped(len(r.bad)) + " lines are malformed"
	}
	return ui.Failed(ui.CodeCancelled, "mend them, or --ignore-malformed", "%s (%s): apply would unblock who was meant by them; nothing was done",
		what, strings.Join(first, ", "))
}

// tooMany refuses a plan that unblocks more of the blacklist than is allowed.
func (c applyCmd) tooMany(plan *bulk.Plan) error {
	kept := 0
	for _, it := range plan.Items {
		if it.Status == bulk.Already {
			kept++
		}
	}
	gone := plan.Of(mpblock.Unblock)
	if gone*100 <= c.MaxUnblock*(kept+gone) {
		return nil
	}
	return ui.Failed(ui.CodeCancelled, "if that is meant: --max-unblock 100", "this would unblock %s of %s, more than %d percent; nothing was done",
		ui.Grouped(gone), ui.Grouped(kept+gone), c.MaxUnblock)
}

// begin shows a plan, writes its journal and runs it. A plan that is refused is not
// run; in a dry run it is shown what the refusal would be.
func (c newJob) begin(ctx context.Context, t ui.Terminal, api bulk.Server, p proposal) error {
	c.show(t, p)
	if c.DryRun {
		return c.dry(t, p)
	}
	if p.refusal != nil {
		return p.refusal
	}
	name := c.Job
	if name == "" {
		var err error
		if name, err = newJournal(p.command, time.Now()); err != nil {
			return err
		}
	}
	job, err := bulk.Create(name, c.Server, c.AppID, p.plan)
	if err != nil {
		return err
	}
	return work{jobFlags: c.jobFlags, api: api, job: job, again: c.resume(name)}.run(ctx, t)
}

// work is a job that a command runs.
type work struct {
	jobFlags
	api   bulk.Server
	job   *bulk.File
	again string // the command that goes on with it
}

// run runs a job to its end, or until it is cancelled, and reports.
func (w work) run(ctx context.Context, t ui.Terminal) (err error) {
	defer func() { err = errors.Join(err, w.job.Close()) }()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	before := w.job.Counts()
	bar := ui.NewProgress(t.Err, t.Columns(), before.Settled(), before.Total)
	runErr := w.job.Run(ctx, w.api, bulk.Options{
		Workers:  w.Workers,
		Progress: func(n bulk.Counts) { bar.Set(n.Settled()) },
		Notice:   bar.Say,
	})
	bar.End()
	if runErr != nil {
		runErr = w.explain(runErr, w.job.Counts().Done > before.Done)
	}
	return w.report(t, runErr)
}

// explain gives what has ended a job its exit code, and says how to go on.
func (w work) explain(err error, moved bool) error {
	again := w.again + " goes on with the rest"
	if errors.Is(err, context.Canceled) {
		return ui.Failed(ui.CodeCancelled, again, "cancelled")
	}
	var f ui.Failure
	if !errors.As(explainRemote(err), &f) {
		f = ui.Failure{Code: ui.CodeFailed, Err: err}
	}
	if moved && !denied(err) || errors.Is(err, client.ErrDailyQuota) {
		f.Code = ui.CodePartly
	}
	if f.Hint != "" {
		f.Hint += "; then "
	}
	f.Hint += again
	return f
}

// outcome is the report of a job, as --json prints it.
type outcome struct {
	bulk.Counts
	Job         string `json:"job"`
	RefusedFile string `json:"refused_file,omitempty"`
}

// report says what has become of a job, and returns why it has ended before its end,
// or that some were refused.
func (w work) report(t ui.Terminal, ended error) error {
	out := outcome{Counts: w.job.Counts(), Job: w.job.Name}
	if out.Refused > 0 {
		out.RefusedFile = w.job.Name + ".refused"
		if err := writeRefused(out.RefusedFile, w.job); err != nil {
			return err
		}
	}
	if w.JSON {
		if err := t.JSON(out); err != nil {
			return err
		}
	} else {
		t.Printf("%s: %s done, %s already so, %s refused, %s not attempted, %s unknown\n", ui.Many(out.Total, "OpenID"), ui.Grouped(out.Done),
			ui.Grouped(out.Already), ui.Grouped(out.Refused), ui.Grouped(out.NotAttempted), ui.Grouped(out.Unknown))
	}
	switch {
	case ended != nil:
		return ended
	case out.Refused > 0:
		return ui.Failed(ui.CodePartly, "", "%s refused; the list of them is in %s", ui.Many(out.Refused, "OpenID"), out.RefusedFile)
	}
	return nil
}

// writeRefused writes the OpenIDs that were refused, with the code, its text and what the
// server said of it.
func writeRefused(name string, job *bulk.File) error {
	var b strings.Builder
	for at, it := range job.Items {
		if it.Status == bulk.Refused {
			text := wire.Code(it.Code).Text()
			said := job.Refusal(at).Detail
			if _, ofIt, ok := strings.Cut(said, string(it.OpenID)+" "); ok {
				said = ofIt
			}
			if said != "" {
				text += ": " + said
			}
			b.WriteString(lines.RefusedCode(string(it.OpenID), it.Code, text))
		}
	}
	return os.WriteFile(name, []byte(b.String()), 0o600)
}
