package overapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
)

// loadJob reads the journal of a job.
func loadJob(name string, write bool) (*bulk.File, error) {
	job, err := bulk.Load(name, write)
	if errors.Is(err, bulk.ErrDamaged) {
		return nil, ui.Failed(ui.CodeFailed, "run the command that began the job again: what has been done counts as already so", "%w", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ui.Failed(ui.CodeUsage, "mpblock jobs lists those that were begun without --job", "there is no job %s: neither a file nor a name of a job", ui.Printable(name))
	}
	return job, err
}

type statusCmd struct {
	JSON bool   `help:"Print the report as JSON."`
	Job  string `arg:"" help:"Journal of the job: a file, or a name that mpblock jobs lists." predictor:"job"`
}

// Run shows how far a job is.
func (c statusCmd) Run(t ui.Terminal) (err error) {
	job, err := loadJob(journalOf(c.Job), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	n := job.Counts()
	if c.JSON {
		return t.JSON(outcome{Counts: n, Job: job.Name})
	}
	t.Printf("server         %s\nappid          %s\nOpenIDs        %s\ndone           %s\nalready so     %s\nrefused        %s\nnot attempted  %s\nunknown        %s\n",
		ui.Printable(job.Server), ui.Printable(job.AppID), ui.Grouped(n.Total), ui.Grouped(n.Done), ui.Grouped(n.Already), ui.Grouped(n.Refused), ui.Grouped(n.NotAttempted), ui.Grouped(n.Unknown))
	for _, line := range [][2]string{{"reason", job.Terms.Reason}, {"until", until(job.Terms.Until)}, {"for", job.Terms.For}} {
		if line[1] != "" {
			t.Printf("%-13s  %s\n", line[0], ui.Printable(line[1]))
		}
	}
	return nil
}

func until(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return ui.Local(end)
}

// begun is the flags of the commands that go on from a job that was begun before.
type begun struct {
	jobFlags
	access
	Server string `help:"Base URL of the server that the job is for; another one is refused." env:"MPBLOCK_SERVER" placeholder:"URL"`
	AppID  string `name:"appid" help:"AppID of the account that the job is for; another one is refused." env:"MPBLOCK_APPID"`
	Yes    bool   `help:"Do not ask whether the journal names the right server."`
}

type resumeCmd struct {
	begun
	Job string `arg:"" help:"Journal of the job: a file, or a name that mpblock jobs lists." predictor:"job"`
}

// Run goes on with a job where it was.
func (c resumeCmd) Run(ctx context.Context, t ui.Terminal) error {
	job, err := loadJob(journalOf(c.Job), true)
	if err != nil {
		return err
	}
	w := work{jobFlags: c.jobFlags, job: job}
	if n := job.Counts(); n.Settled() == n.Total {
		fmt.Fprintln(t.Err, "nothing is left to do")
		return errors.Join(w.report(t, nil), job.Close())
	}
	r, err := c.target(t, job)
	if err != nil {
		return errors.Join(err, job.Close())
	}
	if w.api, err = r.over(t, job.Terms); err != nil {
		return errors.Join(err, job.Close())
	}
	w.again = r.resume(job.Name)
	return w.run(ctx, t)
}

// target returns where the job goes on. A journal is a file that anybody may have
// written, and the server that it names gets the account's secret: so that is what
// the user says too, or has seen and confirmed.
func (c begun) target(t ui.Terminal, job *bulk.File) (remote, error) {
	r := remote{Server: job.Server, AppID: job.AppID, access: c.access}
	var err error
	if r.Server, err = baseURL(job.Server); err != nil {
		return r, ui.Failed(ui.CodeFailed, "run the command that began the job again: what has been done counts as already so",
			"%s: line 1: %w: it names no server, but %q", job.Name, bulk.ErrDamaged, job.Server)
	}
	if c.AppID != "" && c.AppID != job.AppID {
		return r, ui.Failed(ui.CodeUsage, fmt.Sprintf("if the journal is right, add --appid %s", ui.Printable(job.AppID)),
			"the job is for the account %s, and --appid or MPBLOCK_APPID says %s; nothing was sent", job.AppID, c.AppID)
	}
	if c.Server != "" {
		said, err := baseURL(c.Server)
		if err != nil {
			return r, err
		}
		if said != r.Server {
			return r, ui.Failed(ui.CodeUsage, fmt.Sprintf("if the journal is right, add --server %s", ui.Printable(r.Server)),
				"the job is for the server %s, and --server or MPBLOCK_SERVER says %s; nothing was sent", r.Server, said)
		}
		return r, nil
	}
	if c.Yes {
		return r, nil
	}
	fmt.Fprintf(t.Err, "The job goes on at %s, for the account %s. The server gets the account's secret.\n", ui.Printable(r.Server), ui.Printable(r.AppID))
	if !t.CanAsk() {
		return r, ui.Failed(ui.CodeUsage, fmt.Sprintf("if that is right, add --server %s", ui.Printable(r.Server)), "nobody has said that this is the right server; nothing was sent")
	}
	if !t.Ask("Go on?") {
		return r, ui.Failed(ui.CodeCancelled, "--yes does not ask", "nothing was sent")
	}
	return r, nil
}

// resume returns the command that goes on with a job which was begun with these
// flags. What the environment says is not repeated.
func (r remote) resume(job string) string {
	s := "mpblock resume " + job
	add := func(flag, value, env string) {
		if value != "" && os.Getenv(env) != value {
			s += " " + flag + " " + value
		}
	}
	if said, err := baseURL(os.Getenv("MPBLOCK_SERVER")); err != nil || said != r.Server {
		s += " --server " + r.Server
	}
	if other := os.Getenv("MPBLOCK_APPID"); other != "" {
		add("--appid", r.AppID, "MPBLOCK_APPID")
	}
	add("--secret-file", r.SecretFile, "MPBLOCK_SECRET_FILE")
	add("--token-file", r.TokenFile, "MPBLOCK_TOKEN_FILE")
	if r.PlainToken {
		s += " --plain-token"
	}
	if r.Pace > 0 {
		s += " --pace " + r.Pace.String()
	}
	return s
}
