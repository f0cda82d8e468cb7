package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/bulk"
)

// show says what a plan would do.
func (c newJob) show(t terminal, command string, p *bulk.Plan) {
	n := p.Counts()
	var parts []string
	for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
		if command == action.String() || command == "apply" {
			parts = append(parts, fmt.Sprintf("%s to %s", grouped(p.Of(action)), action))
		}
	}
	parts = append(parts, grouped(n.Already)+" already so", grouped(n.Refused-p.Foreign())+" malformed", grouped(p.Duplicates)+" named twice")
	if f := p.Foreign(); f > 0 {
		parts = append(parts, grouped(f)+" of another account")
	}
	fmt.Fprintf(t.err, "%s: %s; %s", command, strings.Join(parts, ", "), many(p.Calls(), "call"))
	if worst := p.WorstCalls(); worst > p.Calls() {
		fmt.Fprintf(t.err, ", up to %s if OpenIDs are refused", grouped(worst))
	}
	if c.Pace > 0 {
		fmt.Fprintf(t.err, ", at least %v", p.Estimate(c.Pace))
	}
	fmt.Fprintln(t.err)
	if p.Foreign() > 0 {
		fmt.Fprintln(t.err, "hint: all OpenIDs on the blacklist begin otherwise than those of another account, which are not sent; --any-prefix sends them")
	}
}

// checkNames refuses the name of a file that stands where an OpenID is wanted.
func checkNames(action mpblock.Action, ids []string) error {
	for _, s := range ids {
		if _, err := mpblock.ParseOpenID(s); err != nil && namesFile(s) {
			return failed(codeUsage, fmt.Sprintf("mpblock %s -f %s", action, s), "%q is the name of a file, want OpenIDs", s)
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
