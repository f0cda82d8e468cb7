package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"mpblock"
	"mpblock/internal/bulk"
)

// jobFlags are the flags of the commands that run a job.
type jobFlags struct {
	Workers int  `help:"Calls at the same time." default:"4"`
	JSON    bool `help:"Print the report as JSON."`
}

// newJob is the flags of the commands that begin one.
type newJob struct {
	remote
	jobFlags
	Job    string `help:"File for the journal of the job. Default: mpblock-COMMAND-TIME.job here." placeholder:"FILE"`
	DryRun bool   `help:"Show what would be done, and do nothing."`
	Format string `help:"Form of the files: ${enum}. Default: by the endings of their names." enum:"auto,text,csv,ndjson" default:"auto"`

	AnyPrefix bool `help:"Send OpenIDs that look like another account's too. They are refused in the plan where the prefix of all on the blacklist is another."`
}

type changeFlags struct {
	newJob
	File    []string `short:"f" help:"File with OpenIDs, as follower import takes it; - is standard input." placeholder:"FILE"`
	OpenIDs []string `arg:"" optional:"" name:"openid" help:"OpenIDs."`
}

type blockCmd struct{ changeFlags }

// Run blocks.
func (c blockCmd) Run(ctx context.Context, t terminal) error { return c.change(ctx, t, mpblock.Block) }

type unblockCmd struct{ changeFlags }

// Run unblocks.
func (c unblockCmd) Run(ctx context.Context, t terminal) error {
	return c.change(ctx, t, mpblock.Unblock)
}

func (c changeFlags) change(ctx context.Context, t terminal, action mpblock.Action) error {
	ids, err := readOpenIDs(t, c.File, c.Format)
	if err != nil {
		return err
	}
	ids = append(c.OpenIDs, ids...)
	if len(ids) == 0 {
		return failed(codeUsage, fmt.Sprintf("mpblock %s -f FILE", action), "no OpenID is given")
	}
	wishes := make([]bulk.Wish, len(ids))
	for i, id := range ids {
		wishes[i] = bulk.Wish{OpenID: id, Action: action}
	}
	api, err := c.dial()
	if err != nil {
		return err
	}
	plan, err := bulk.Make(ctx, api, wishes, bulk.PlanOptions{AnyPrefix: c.AnyPrefix})
	if err != nil {
		return explainRemote(err)
	}
	return c.begin(ctx, t, action.String(), api, plan)
}

type applyCmd struct {
	newJob
	Yes        bool   `help:"Do not ask."`
	MaxUnblock int    `help:"Refuse to unblock more than so many percent of the blacklist." default:"20" placeholder:"PERCENT"`
	File       string `arg:"" help:"File with the OpenIDs that are to be blocked, and no others; - is standard input."`
}

// Run makes the blacklist equal to a file.
func (c applyCmd) Run(ctx context.Context, t terminal) error {
	ids, err := readOpenIDs(t, []string{c.File}, c.Format)
	if err != nil {
		return err
	}
	api, err := c.dial()
	if err != nil {
		return err
	}
	plan, err := bulk.Equal(ctx, api, ids, bulk.PlanOptions{AnyPrefix: c.AnyPrefix})
	if err != nil {
		return explainRemote(err)
	}
	kept := 0
	for _, it := range plan.Items {
		if it.Status == bulk.Already {
			kept++
		}
	}
	if gone := plan.Of(mpblock.Unblock); gone*100 > c.MaxUnblock*(kept+gone) && !c.DryRun {
		return failed(codeFailed, "if that is meant: --max-unblock 100", "this would unblock %s of %s, more than %d percent; nothing was done", grouped(gone), grouped(kept+gone), c.MaxUnblock)
	}
	if !c.Yes && !c.DryRun && plan.Calls() > 0 {
		c.show(t, "apply", plan)
		fmt.Fprint(t.err, "Go on? [y/N] ")
		answer, _ := bufio.NewReader(t.in).ReadString('\n')
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return failed(codeCancelled, "--yes does not ask", "nothing was done")
		}
	}
	return c.begin(ctx, t, "apply", api, plan)
}

// show says what a plan would do.
func (c newJob) show(t terminal, command string, p *bulk.Plan) {
	n := p.Counts()
	fmt.Fprintf(t.err, "%s: %s to block, %s to unblock, %s already so, %s malformed, %s named twice; %s calls",
		command, grouped(p.Of(mpblock.Block)), grouped(p.Of(mpblock.Unblock)), grouped(n.Already), grouped(n.Refused), grouped(p.Duplicates), grouped(p.Calls()))
	if c.Pace > 0 {
		fmt.Fprintf(t.err, ", at least %v", p.Estimate(c.Pace))
	}
	fmt.Fprintln(t.err)
}

// begin shows a plan, writes its journal and runs it.
func (c newJob) begin(ctx context.Context, t terminal, command string, api bulk.Server, p *bulk.Plan) error {
	c.show(t, command, p)
	if c.DryRun {
		return nil
	}
	name := c.Job
	if name == "" {
		name = fmt.Sprintf("mpblock-%s-%s.job", command, time.Now().Format("20060102-150405"))
	}
	job, err := bulk.Create(name, c.Server, c.AppID, p)
	if err != nil {
		return err
	}
	return c.run(ctx, t, api, job)
}

// run runs a job to its end, or until it is cancelled, and reports.
func (f jobFlags) run(ctx context.Context, t terminal, api bulk.Server, job *bulk.File) (err error) {
	defer func() { err = errors.Join(err, job.Close()) }()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	n := job.Counts()
	bar := progressbar.DefaultSilent(int64(n.Total))
	if t.isTerminal() {
		bar = progressbar.Default(int64(n.Total), "OpenIDs")
	}
	settled := func(n bulk.Counts) int { return n.Done + n.Already + n.Refused }
	_ = bar.Set(settled(n))
	runErr := job.Run(ctx, api, bulk.Options{
		Workers:  f.Workers,
		Progress: func(n bulk.Counts) { _ = bar.Set(settled(n)) },
		Notice:   func(text string) { fmt.Fprintln(t.err, text) },
	})
	_ = bar.Finish()
	return f.report(t, job, runErr)
}

// outcome is the report of a job, as --json prints it.
type outcome struct {
	bulk.Counts
	Job         string `json:"job"`
	RefusedFile string `json:"refused_file,omitempty"`
}

func (f jobFlags) report(t terminal, job *bulk.File, runErr error) error {
	out := outcome{Counts: job.Counts(), Job: job.Name}
	if out.Refused > 0 {
		out.RefusedFile = job.Name + ".refused"
		if err := writeRefused(out.RefusedFile, job); err != nil {
			return err
		}
	}
	if f.JSON {
		if err := t.json(out); err != nil {
			return err
		}
	} else {
		t.printf("%s OpenIDs: %s done, %s already so, %s refused, %s not attempted, %s unknown\n", grouped(out.Total), grouped(out.Done),
			grouped(out.Already), grouped(out.Refused), grouped(out.NotAttempted), grouped(out.Unknown))
	}
	resume := "mpblock resume " + job.Name + " --secret-file FILE goes on with the rest"
	switch {
	case errors.Is(runErr, context.Canceled):
		return failed(codeCancelled, resume, "cancelled")
	case runErr != nil && out.Done == 0:
		return explainRemote(runErr)
	case runErr != nil:
		return failed(codePartly, resume, "%w", runErr)
	case out.Refused > 0:
		return failed(codePartly, "", "%s OpenIDs were refused; they are in %s", grouped(out.Refused), out.RefusedFile)
	}
	return nil
}

// writeRefused writes the OpenIDs that were refused, with the code and its text.
func writeRefused(name string, job *bulk.File) error {
	var b strings.Builder
	for _, it := range job.Items {
		if it.Status == bulk.Refused {
			fmt.Fprintf(&b, "%s\t# %d %s\n", it.OpenID, it.Code, mpblock.Code(it.Code).Text())
		}
	}
	return os.WriteFile(name, []byte(b.String()), 0o600)
}

type statusCmd struct {
	jobFlags
	Job string `arg:"" help:"Journal of the job."`
}

// Run shows how far a job is.
func (c statusCmd) Run(t terminal) (err error) {
	job, err := bulk.Load(c.Job, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	n := job.Counts()
	if c.JSON {
		return t.json(outcome{Counts: n, Job: job.Name})
	}
	t.printf("server         %s\nappid          %s\nOpenIDs        %s\ndone           %s\nalready so     %s\nrefused        %s\nnot attempted  %s\nunknown        %s\n",
		job.Server, job.AppID, grouped(n.Total), grouped(n.Done), grouped(n.Already), grouped(n.Refused), grouped(n.NotAttempted), grouped(n.Unknown))
	return nil
}

type resumeCmd struct {
	jobFlags
	SecretFile string        `help:"File with the account's secret; or the secret itself in $$MPBLOCK_SECRET." env:"MPBLOCK_SECRET_FILE" placeholder:"FILE"`
	TokenFile  string        `help:"File in which several processes share the access token." env:"MPBLOCK_TOKEN_FILE" placeholder:"FILE"`
	Pace       time.Duration `help:"At least so much time between two calls." default:"0s"`
	Job        string        `arg:"" help:"Journal of the job."`
}

// Run goes on with a job where it was.
func (c resumeCmd) Run(ctx context.Context, t terminal) error {
	job, err := bulk.Load(c.Job, true)
	if err != nil {
		return err
	}
	api, err := remote{Server: job.Server, AppID: job.AppID, SecretFile: c.SecretFile, TokenFile: c.TokenFile, Pace: c.Pace}.dial()
	if err != nil {
		return errors.Join(err, job.Close())
	}
	return c.run(ctx, t, api, job)
}
