package overapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
)

// Journals that nobody has named lie in one directory of the user's, so that they are
// found, and a job can be undone, whatever directory it was begun in.

// jobsLife is how long a journal there is kept whose job has nothing left to do.
const jobsLife = 90 * 24 * time.Hour

// jobsDir returns the directory of the journals.
func jobsDir() (string, error) {
	if dir := os.Getenv("MPBLOCK_JOBS"); dir != "" {
		return dir, nil
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" && (runtime.GOOS == "windows" || runtime.GOOS == "darwin") {
		var err error
		if state, err = os.UserConfigDir(); err != nil {
			return "", err
		}
	}
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "mpblock", "jobs"), nil
}

// newJournal returns the name of a journal that its user has not named, and removes
// those that are of no use any more.
func newJournal(command string, now time.Time) (string, error) {
	dir, err := jobsDir()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", ui.Failed(ui.CodeFailed, "name the journal: --job FILE, or a directory for all: MPBLOCK_JOBS=DIR", "the directory of the journals: %w", err)
	}
	removeOld(dir, now.Add(-jobsLife))
	name := filepath.Join(dir, command+"-"+now.Format("20060102-150405"))
	for i := 2; ; i++ {
		if _, err := os.Lstat(name + ".job"); errors.Is(err, fs.ErrNotExist) {
			return name + ".job", nil
		}
		name = filepath.Join(dir, fmt.Sprintf("%s-%s-%d", command, now.Format("20060102-150405"), i))
	}
}

// removeOld removes the journals of a directory that have not been written since a time
// and whose jobs have nothing left to do. What cannot be read or removed stays.
func removeOld(dir string, before time.Time) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.job"))
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		job, err := bulk.Load(name, true)
		if err != nil {
			continue
		}
		if n := job.Counts(); n.Settled() == n.Total {
			_ = os.Remove(name)
			_ = os.Remove(name + ".refused")
		}
		_ = job.Close()
	}
}

// journalOf returns the journal that a user means: a file, or one of those in the
// directory of the journals, by its name with or without .job.
func journalOf(name string) string {
	if _, err := os.Stat(name); err == nil || strings.ContainsRune(name, filepath.Separator) {
		return name
	}
	dir, err := jobsDir()
	if err != nil {
		return name
	}
	for _, full := range []string{filepath.Join(dir, name), filepath.Join(dir, name+".job")} {
		if _, err := os.Stat(full); err == nil {
			return full
		}
	}
	return name
}

type jobsCmd struct {
	JSON bool `help:"Print JSON."`
}

// listedJob is a job as --json prints it.
type listedJob struct {
	Name    string `json:"name"`
	Journal string `json:"journal"`
	Server  string `json:"server"`
	AppID   string `json:"appid"`
	bulk.Counts
	Problem string `json:"problem,omitempty"` // why the journal cannot be read
}

// Run lists the jobs whose journals nobody has named, oldest first.
func (c jobsCmd) Run(t ui.Terminal) error {
	dir, err := jobsDir()
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.job"))
	if err != nil {
		return err
	}
	all := make([]listedJob, 0, len(names))
	for _, name := range names {
		j := listedJob{Name: strings.TrimSuffix(filepath.Base(name), ".job"), Journal: name}
		job, err := bulk.Load(name, false)
		if err != nil {
			j.Problem = err.Error()
		} else {
			j.Server, j.AppID, j.Counts = job.Server, job.AppID, job.Counts()
			if err := job.Close(); err != nil {
				return err
			}
		}
		all = append(all, j)
	}
	if c.JSON {
		return t.JSON(all)
	}
	return listJobs(t, dir, all)
}

func listJobs(t ui.Terminal, dir string, all []listedJob) error {
	if len(all) == 0 {
		t.Printf("no jobs in %s\n", dir)
		return nil
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tACCOUNT\tSERVER\tOPENIDS\tDONE\tALREADY\tREFUSED\tLEFT")
	for _, j := range all {
		if j.Problem != "" {
			fmt.Fprintf(w, "%s\t%s\n", j.Name, ui.Printable(j.Problem))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.Name, ui.Printable(j.AppID), ui.Printable(j.Server), ui.Grouped(j.Total),
			ui.Grouped(j.Done), ui.Grouped(j.Already), ui.Grouped(j.Refused), ui.Grouped(j.Total-j.Settled()))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	t.Printf("\nmpblock resume JOB goes on with what is left; mpblock undo JOB takes back what was done.\n")
	return nil
}

type undoCmd struct {
	begun
	Job     string `arg:"" help:"Journal of the job that is to be undone." predictor:"job"`
	Journal string `name:"job" help:"File for the journal of the undoing. Default: one that mpblock jobs lists." placeholder:"FILE"`
	DryRun  bool   `help:"Show what would be done, and do nothing."`
}

// Run unblocks what a job has blocked, and blocks what it has unblocked. What was so
// before the job stays as it is, and so does what it does not know the end of.
func (c undoCmd) Run(ctx context.Context, t ui.Terminal) error {
	job, err := loadJob(journalOf(c.Job), false)
	if err != nil {
		return err
	}
	defer job.Close() //nolint:errcheck // it was read
	r := &reading{}
	var wishes []bulk.Wish
	for _, it := range job.Items {
		if it.Status == bulk.Done {
			wishes = append(wishes, bulk.Wish{OpenID: string(it.OpenID), Action: opposite(it.Action)})
		}
	}
	if n := job.Counts().Unknown; n > 0 {
		fmt.Fprintf(t.Err, "%s of unknown outcome stay as they are: mpblock resume %s settles them first\n", ui.Many(n, "OpenID"), job.Name)
	}
	if len(wishes) == 0 {
		fmt.Fprintln(t.Err, "nothing is to be undone: the job has changed nothing")
		return nil
	}
	remote, err := c.target(t, job)
	if err != nil {
		return err
	}
	api, err := remote.dial(t)
	if err != nil {
		return err
	}
	plan, err := bulk.Make(ctx, api, wishes, bulk.PlanOptions{AnyPrefix: true})
	if err != nil {
		return explainRemote(err)
	}
	begin := newJob{remote: remote, jobFlags: c.jobFlags, Job: c.Journal, DryRun: c.DryRun}
	return begin.begin(ctx, t, api, proposal{command: "undo", plan: plan, read: r})
}

func opposite(a mpblock.Action) mpblock.Action {
	if a == mpblock.Block {
		return mpblock.Unblock
	}
	return mpblock.Block
}
