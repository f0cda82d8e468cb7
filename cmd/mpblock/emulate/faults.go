package emulate

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/control"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

type faultsCmd struct {
	Load  faultsLoadCmd  `cmd:"" help:"Begin a plan: a file, YAML or JSON, or the name of one that comes with mpblock."`
	Show  faultsShowCmd  `cmd:"" help:"Show the plan under way, and how often each rule has struck."`
	Clear faultsClearCmd `cmd:"" help:"End the plan under way."`
	List  faultsListCmd  `cmd:"" help:"List the plans that come with mpblock; with a name, print that one."`
}

type faultsLoadCmd struct {
	door
	Plan string `arg:"" help:"File with the plan, - for standard input, or the name of a ready-made one: see faults list." placeholder:"FILE|NAME"`
}

// Run loads a plan.
func (c faultsLoadCmd) Run(ctx context.Context, t ui.Terminal) error {
	var text []byte
	query := url.Values{}
	if looksLikeAFile(c.Plan) {
		var err error
		if text, err = readFile(t, c.Plan); err != nil {
			return ui.ExplainRead(c.Plan, err)
		}
		if _, err := fault.Parse(text); err != nil { // so that the file is named, and nothing is sent
			return ui.Failed(ui.CodeUsage, "docs/emulator.md lists the keys; the plan under way goes on", "%s: %w", c.Plan, err)
		}
	} else {
		query.Set("plan", c.Plan)
	}
	var out control.Faults
	if err := c.do(ctx, http.MethodPut, "/faults", query, text, &out); err != nil {
		return err
	}
	return c.show(t, out)
}

type faultsShowCmd struct{ door }

// Run shows the plan.
func (c faultsShowCmd) Run(ctx context.Context, t ui.Terminal) error {
	var out control.Faults
	if err := c.do(ctx, http.MethodGet, "/faults", nil, nil, &out); err != nil {
		return err
	}
	return c.show(t, out)
}

type faultsClearCmd struct{ door }

// Run clears the plan.
func (c faultsClearCmd) Run(ctx context.Context, t ui.Terminal) error {
	var out control.Faults
	if err := c.do(ctx, http.MethodDelete, "/faults", nil, nil, &out); err != nil {
		return err
	}
	return c.show(t, out)
}

func (d door) show(t ui.Terminal, out control.Faults) error {
	if d.JSON {
		return t.JSON(out)
	}
	printFaults(t, out.Faults)
	return nil
}

func printFaults(t ui.Terminal, f *emulator.Faults) {
	if f == nil {
		t.Printf("No plan is under way: every call is answered as it should be.\n")
		return
	}
	if f.Plan.About != "" {
		t.Printf("%s\n", f.Plan.About)
	}
	state := "under way since " + ui.Local(f.State.Began)
	if f.Plan.TTL > 0 {
		state += ", for " + time.Duration(f.Plan.TTL).String()
	}
	if f.Ended {
		state += ": ended by itself"
	}
	t.Printf("seed %d, %s\n", f.Plan.Seed, state)
	for _, r := range f.State.Rules {
		t.Printf("  %-24s struck %d of %s that fit\n", r.Name, r.Struck, ui.Many(r.Seen, "call"))
	}
}

type faultsListCmd struct {
	door
	Name string `arg:"" optional:"" help:"Print this one."`
}

// Run lists the ready-made plans.
func (c faultsListCmd) Run(t ui.Terminal) error {
	if c.Name != "" { // they are in this binary too: no server is needed
		text, ok := fault.ReadyMade(c.Name)
		if !ok {
			return ui.Failed(ui.CodeUsage, "mpblock emulator faults list", "there is no ready-made plan %q; there are: %s", c.Name, strings.Join(fault.ReadyMades(), ", "))
		}
		t.Printf("%s", text)
		return nil
	}
	var plans control.Plans
	for _, ready := range fault.ReadyPlans() {
		plans.Plans = append(plans.Plans, control.ReadyMade{Name: ready.Name, About: ready.Plan.About})
	}
	if c.JSON {
		return t.JSON(plans)
	}
	for _, p := range plans.Plans {
		t.Printf("%-14s %s\n", p.Name, p.About)
	}
	return nil
}

type clockCmd struct {
	Show    clockShowCmd    `cmd:"" help:"Show what the clock says."`
	Set     clockSetCmd     `cmd:"" help:"Set it forward to a time."`
	Advance clockAdvanceCmd `cmd:"" help:"Set it forward by a length of time."`
	Freeze  clockFreezeCmd  `cmd:"" help:"Have it stand still; it can still be set forward."`
	Run     clockRunCmd     `cmd:"" help:"Have it run on from where it stands."`
}

type clockShowCmd struct{ door }

// Run shows the clock.
func (c clockShowCmd) Run(ctx context.Context, t ui.Terminal) error {
	return c.clock(ctx, t, http.MethodGet, nil)
}

type clockSetCmd struct {
	door
	Time string `arg:"" help:"2026-11-29, the beginning of that day, or 2026-11-29T18:00, in this machine's zone or with one: 2026-11-29T18:00:00+08:00."`
}

// Run sets the clock.
func (c clockSetCmd) Run(ctx context.Context, t ui.Terminal) error {
	at, _, ok := ui.ParseTime(c.Time)
	if !ok {
		return ui.Failed(ui.CodeUsage, "mpblock emulator clock set "+ui.ExampleTime(), "%q: want a day, as 2026-12-31, or a time, as 2026-12-31T18:00", c.Time)
	}
	return c.clock(ctx, t, http.MethodPost, control.SetClock{Set: &at})
}

type clockAdvanceCmd struct {
	door
	By string `arg:"" help:"As 2h, 90s or 7d."`
}

// Run advances the clock.
func (c clockAdvanceCmd) Run(ctx context.Context, t ui.Terminal) error {
	var by fault.Duration
	if err := by.UnmarshalText([]byte(c.By)); err != nil {
		return ui.Failed(ui.CodeUsage, "mpblock emulator clock advance 7d", "the clock goes forward by a length of time: want 2h, 90s or 7d, not %q", c.By)
	}
	return c.clock(ctx, t, http.MethodPost, control.SetClock{Advance: &by})
}

type clockFreezeCmd struct{ door }

// Run freezes the clock.
func (c clockFreezeCmd) Run(ctx context.Context, t ui.Terminal) error { return c.frozen(ctx, t, true) }

type clockRunCmd struct{ door }

// Run has the clock run.
func (c clockRunCmd) Run(ctx context.Context, t ui.Terminal) error { return c.frozen(ctx, t, false) }

func (d door) frozen(ctx context.Context, t ui.Terminal, frozen bool) error {
	return d.clock(ctx, t, http.MethodPost, control.SetClock{Frozen: &frozen})
}

func (d door) clock(ctx context.Context, t ui.Terminal, method string, in any) error {
	var out control.Clock
	if err := d.do(ctx, method, "/clock", nil, in, &out); err != nil {
		return err
	}
	if d.JSON {
		return t.JSON(out)
	}
	printClock(t, out)
	return nil
}

func printClock(t ui.Terminal, c control.Clock) {
	state := "and runs"
	if c.Frozen {
		state = "and stands still"
	}
	if c.Ahead != "0s" {
		state += ", " + c.Ahead + " ahead of this machine's"
	}
	t.Printf("The clock says %s %s.\n", c.Now.Local().Format("2006-01-02 15:04:05 -07:00"), state)
}
