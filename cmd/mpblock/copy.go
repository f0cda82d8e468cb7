package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/copystore"
	"mpblock/internal/datadir"
	"mpblock/internal/pebblestore"
	"mpblock/internal/sqlstore"
)

type copyCmd struct {
	From             string `required:"" help:"Where from: a data directory of a server that does not run, a backup, or a database that no server writes to." placeholder:"DIR|mysql://…"`
	To               string `required:"" help:"Where to: a directory or a database, empty or of a copy that was interrupted." placeholder:"DIR|mysql://…"`
	FromPasswordFile string `help:"File with the password for the database of --from." placeholder:"FILE"`
	ToPasswordFile   string `help:"File with the password for the database of --to." placeholder:"FILE"`
	JSON             bool   `help:"Print JSON."`
}

// Run copies a store.
func (c copyCmd) Run(ctx context.Context, t ui.Terminal) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if named(c.From) == named(c.To) {
		return ui.Failed(ui.CodeUsage, "name two of them", "%s cannot be copied to itself", named(c.From))
	}
	from, err := openAtRest(ctx, c.From, databaseWith(c.FromPasswordFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := c.openTarget(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	bar := countingBar(io.Discard)
	if t.IsTerminal() {
		bar = countingBar(t.Err)
	}
	sum, err := copystore.Copy(ctx, from, to, copystore.Options{
		FromName: named(c.From), ToName: named(c.To), Progress: func(openids int) { _ = bar.Add(openids) },
	})
	_ = bar.Finish()
	if err != nil {
		return c.interrupted(err)
	}
	if c.JSON {
		return t.JSON(sum)
	}
	t.Printf("%s copied to %s and verified: %s, %s blocked, %s, %s\n", ui.Many(sum.Accounts, "account"), named(c.To),
		ui.Many(sum.Followers, "follower"), ui.Grouped(sum.Blocked), ui.Many(sum.Changes, "change"), ui.Many(sum.Records, "record"))
	return nil
}

// countingBar returns a progress bar for a length that is not known. Its spinner
// turns as it counts: by itself it would race with what counts.
func countingBar(to io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(to), progressbar.OptionSetDescription("OpenIDs"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(to) }),
	)
}

func databaseWith(passwordFile string) database {
	return database{StorePasswordFile: passwordFile, StoreTimeout: time.Minute, StoreConns: sqlstore.DefaultMaxConns}
}

func (c copyCmd) openTarget(ctx context.Context) (mpblock.Store, error) {
	if isDatabase(c.To) {
		d := databaseWith(c.ToPasswordFile)
		return d.at(c.To).open(ctx, d.options())
	}
	store, err := pebblestore.Open(c.To, pebblestore.Options{})
	if errors.Is(err, datadir.ErrInUse) {
		return nil, ui.Failed(ui.CodeInUse, "stop the server that uses it, or name another directory", "the directory %s is in use by another process", c.To)
	}
	if err != nil {
		return nil, err
	}
	return store, nil
}

// interrupted says how to go on with a copy that has ended before its end.
func (c copyCmd) interrupted(err error) error {
	const again = "run the same command again: it goes on where it was"
	var refused *copystore.Refused
	switch {
	case errors.Is(err, context.Canceled):
		return ui.Failure{Code: ui.CodeCancelled, Err: errors.New("cancelled"), Hint: again}
	case errors.As(err, &refused):
		return refusal(refused)
	}
	return ui.Failure{Code: ui.CodePartly, Err: err, Hint: "once that is mended, " + again}
}

// refusal says what to do about a copy that is refused.
func refusal(r *copystore.Refused) error {
	f := ui.Failure{Code: ui.CodeFailed, Err: r}
	switch r.Reason {
	case copystore.Unfinished:
		f.Hint = "finish it first: mpblock copy --from ... --to ..."
	case copystore.NoPlatform:
		f.Hint = "name the data directory or the database of mpblock serve"
	case copystore.Different:
		f.Hint = "copy to an empty directory or database"
	case copystore.Damaged:
		f.Code, f.Hint = ui.CodeDamaged, "mpblock check tells more"
	}
	return f
}
