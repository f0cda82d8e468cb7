// Package emulate has the commands that bend a running emulator: mpblock emulator.
package emulate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/control"
)

// DefaultControl is the base URL of the control door, unless another is given.
const DefaultControl = "http://127.0.0.1:8081"

// Flag returns the flag that leads to a control door, with a blank before it; "" for the
// one that is found without.
func Flag(base string) string {
	if base == DefaultControl {
		return ""
	}
	return " --control " + base
}

// Command is mpblock emulator.
type Command struct {
	Faults   faultsCmd   `cmd:"" help:"Have calls fail by a plan: load, show, clear it."`
	Clock    clockCmd    `cmd:"" help:"Show the emulator's clock, set it forward, have it stand still or run."`
	Reset    resetCmd    `cmd:"" help:"Go back to the state at the start: lists, clock, no faults, an empty journal."`
	Snapshot snapshotCmd `cmd:"" help:"Save the present state under a name, and go back to it."`
	Journal  journalCmd  `cmd:"" help:"Print the last calls, follow them, or export them as HAR."`
	Verify   verifyCmd   `cmd:"" help:"Tell whether calls came as often as said; exit code 4 if not."`
	Drift    driftCmd    `cmd:"" help:"Block and unblock as somebody else does, in the platform's own console."`
	Seed     seedCmd     `cmd:"" help:"Print the present state as a seed, NDJSON, for serve --seed."`
	Status   statusCmd   `cmd:"" help:"Show what is bent at present."`
}

// door is the flag of all of them.
type door struct {
	Control string `help:"Base URL of the emulator's control door. Default: ${default}." default:"http://127.0.0.1:8081" env:"MPBLOCK_CONTROL" placeholder:"URL"`
	JSON    bool   `help:"Print JSON."`
}

// do asks the door for something, and explains what comes of it.
func (d door) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	err := control.NewClient(d.Control).Do(ctx, method, path, query, in, out)
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, control.ErrNoDoor):
		return ui.Failure{Code: ui.CodeNoServer, Err: err, Hint: "mpblock serve --demo prints the address of its control door; give it by --control URL or $MPBLOCK_CONTROL"}
	}
	return ui.Failure{Code: ui.CodeRefused, Err: err}
}

// simply asks for something whose answer says no more than that it was done.
func (d door) simply(ctx context.Context, t ui.Terminal, method, path, said string) error {
	var ok control.OK
	if err := d.do(ctx, method, path, nil, nil, &ok); err != nil {
		return err
	}
	if d.JSON {
		return t.JSON(ok)
	}
	t.Printf("%s\n", said)
	return nil
}

type resetCmd struct{ door }

// Run resets the emulator.
func (c resetCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.simply(ctx, t, http.MethodPost, "/reset", "The emulator is as it was at its start.")
}

type snapshotCmd struct {
	Save    snapshotSaveCmd    `cmd:"" help:"Save the present state: accounts, lists, clock, faults and their dice."`
	Restore snapshotRestoreCmd `cmd:"" help:"Go back to a state, whole."`
	List    snapshotListCmd    `cmd:"" help:"List the states that are saved, while the emulator runs."`
	Remove  snapshotRemoveCmd  `cmd:"" help:"Forget a state."`
}

type named struct {
	door
	Name string `arg:"" help:"Name of the snapshot: letters, digits, - _ and a dot."`
}

func (n named) path() string { return "/snapshots/" + url.PathEscape(n.Name) }

type snapshotSaveCmd struct{ named }

// Run saves a snapshot.
func (c snapshotSaveCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.simply(ctx, t, http.MethodPut, c.path(), "Saved. Go back to it with: mpblock emulator snapshot restore "+c.Name+Flag(c.Control))
}

type snapshotRestoreCmd struct{ named }

// Run restores a snapshot.
func (c snapshotRestoreCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.simply(ctx, t, http.MethodPost, c.path()+"/restore", "The emulator is as it was when "+c.Name+" was saved.")
}

type snapshotRemoveCmd struct{ named }

// Run removes a snapshot.
func (c snapshotRemoveCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.simply(ctx, t, http.MethodDelete, c.path(), "Removed.")
}

type snapshotListCmd struct{ door }

// Run lists the snapshots.
func (c snapshotListCmd) Run(ctx context.Context, t ui.Terminal) error {
	var saved control.Saved
	if err := c.do(ctx, http.MethodGet, "/snapshots", nil, nil, &saved); err != nil {
		return err
	}
	if c.JSON {
		return t.JSON(saved)
	}
	if len(saved.Snapshots) == 0 {
		t.Printf("There are no snapshots. Save one with: mpblock emulator snapshot save NAME%s\n", Flag(c.Control))
	}
	for _, s := range saved.Snapshots {
		t.Printf("%s  saved %s, clock %s\n", s.Name, ui.Local(s.Saved), ui.Local(s.Clock))
	}
	return nil
}

// readFile reads a file, or standard input for -.
func readFile(t ui.Terminal, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(t.In)
	}
	return os.ReadFile(name) //nolint:gosec // whoever runs the command names it
}

// looksLikeAFile tells a path from the name of a ready-made plan.
func looksLikeAFile(name string) bool {
	if name == "-" || strings.ContainsAny(name, "/.\\") {
		return true
	}
	_, err := os.Stat(name)
	return err == nil
}

type seedCmd struct{ door }

// Run prints the seed.
func (c seedCmd) Run(ctx context.Context, t ui.Terminal) error {
	var text []byte
	if err := c.do(ctx, http.MethodGet, "/seed", nil, nil, &text); err != nil {
		return err
	}
	_, err := t.Out.Write(text)
	return err
}
