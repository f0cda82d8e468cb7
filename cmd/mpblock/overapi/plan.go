package overapi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/bulk"
	"mpblock/internal/lines"
)

// proposal is a plan, what it was made of, and why it must not be run.
type proposal struct {
	command string
	plan    *bulk.Plan
	read    *reading
	refusal error // nil if there is nothing against it
}

// dryRun is a plan as --json prints it.
type dryRun struct {
	DryRun     bool            `json:"dry_run"`
	Block      int             `json:"to_block"`
	Unblock    int             `json:"to_unblock"`
	Already    int             `json:"already"`
	Malformed  int             `json:"malformed"`
	Foreign    int             `json:"foreign"`
	Duplicates int             `json:"duplicates"`
	Calls      int             `json:"calls"`
	WorstCalls int             `json:"calls_at_most"`
	Read       []lines.Summary `json:"read"`
	Bad        []badLine       `json:"malformed_lines"`
	Refused    string          `json:"would_be_refused,omitempty"` // why the run itself would do nothing
}

// dry ends a dry run: with the refusal that the run itself would end with.
func (c newJob) dry(t ui.Terminal, p proposal) error {
	if !c.JSON {
		return p.refusal
	}
	n := p.plan.Counts()
	out := dryRun{
		DryRun: true, Block: p.plan.Of(mpblock.Block), Unblock: p.plan.Of(mpblock.Unblock), Already: n.Already,
		Malformed: n.Refused - p.plan.Foreign(), Foreign: p.plan.Foreign(), Duplicates: p.plan.Duplicates,
		Calls: p.plan.Calls(), WorstCalls: p.plan.WorstCalls(), Read: p.read.files, Bad: p.read.bad,
	}
	if p.command == "apply" { // whose plan leaves bad lines out
		out.Malformed = len(p.read.bad)
	}
	if p.refusal != nil {
		out.Refused = p.refusal.Error()
	}
	return errors.Join(t.JSON(out), p.refusal)
}

// show says what a plan would do.
func (c newJob) show(t ui.Terminal, proposed proposal) {
	p, command := proposed.plan, proposed.command
	n := p.Counts()
	malformed := n.Refused - p.Foreign()
	if command == "apply" {
		malformed = len(proposed.read.bad)
	}
	var parts []string
	for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
		if n := p.Of(action); command == action.String() || command == "apply" || command == "undo" && n > 0 {
			parts = append(parts, fmt.Sprintf("%s to %s", ui.Grouped(n), action))
		}
	}
	parts = append(parts, ui.Grouped(n.Already)+" already so")
	if command != "undo" {
		parts = append(parts, ui.Grouped(malformed)+" malformed", ui.Grouped(p.Duplicates)+" named twice")
	}
	if f := p.Foreign(); f > 0 {
		parts = append(parts, ui.Grouped(f)+" of another account")
	}
	fmt.Fprintf(t.Err, "%s: %s; %s", command, strings.Join(parts, ", "), ui.Many(p.Calls(), "call"))
	if worst := p.WorstCalls(); worst > p.Calls() {
		fmt.Fprintf(t.Err, ", up to %s if OpenIDs are refused", ui.Grouped(worst))
	}
	if c.Pace > 0 {
		fmt.Fprintf(t.Err, ", at least %v", p.Estimate(c.Pace))
	}
	fmt.Fprintln(t.Err)
	switch f := p.Foreign(); f {
	case 0:
	case 1:
		fmt.Fprintln(t.Err, "hint: 1 OpenID begins otherwise than all on the blacklist: it is another account's and is not sent; --any-prefix sends it")
	default:
		fmt.Fprintf(t.Err, "hint: %s OpenIDs begin otherwise than all on the blacklist: they are another account's and are not sent; --any-prefix sends them\n", ui.Grouped(f))
	}
}

// checkNames refuses the name of a file that stands where an OpenID is wanted.
func checkNames(action mpblock.Action, ids []string) error {
	for _, s := range ids {
		if _, err := mpblock.ParseOpenID(s); err != nil && namesFile(s) {
			return ui.Failed(ui.CodeUsage, fmt.Sprintf("mpblock %s -f %s", action, s), "%q is the name of a file, want OpenIDs", s)
		}
	}
	return nil
}

func namesFile(s string) bool {
	if s == "-" || strings.ContainsAny(s, `/\`) {
		return true
	}
	if slices.Contains([]string{".txt", ".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".xlsx", ".xls", ".refused", ".rejects"}, strings.ToLower(filepath.Ext(s))) {
		return true
	}
	_, err := os.Stat(s)
	return err == nil
}
