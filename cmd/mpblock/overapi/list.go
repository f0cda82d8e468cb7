package overapi

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"mpblock/client"
	"mpblock/cmd/mpblock/ui"
)

type listCmd struct {
	remote
	Format string `help:"Form of the output: ${enum}. Default: ${default}." enum:"text,csv,ndjson" default:"text"`
}

// Run streams the blacklist to stdout.
func (c listCmd) Run(ctx context.Context, t ui.Terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	api, err := c.dial(t)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(t.Out, 64<<10)
	form := map[string]string{"text": "%s\n", "csv": "%s\n", "ndjson": "{\"openid\":\"%s\"}\n"}[c.Format]
	if c.Format == "csv" {
		fmt.Fprintln(out, "openid")
	}
	n := 0
	for id, err := range api.All(ctx) {
		if err != nil {
			_ = out.Flush()
			return explainRemote(fmt.Errorf("the list is incomplete, %s were read: %w", ui.Grouped(n), err))
		}
		n++
		fmt.Fprintf(out, form, shown(id))
	}
	return out.Flush()
}

// shown returns an OpenID as it can be printed in every form: without what steers a
// terminal, or ends a line, a field or a string, all of which a server may send.
func shown(id client.OpenID) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && !strings.ContainsRune(`"\,`, r) {
			return r
		}
		return unicode.ReplacementChar
	}, string(id))
}

type diffCmd struct {
	remote
	Format string `help:"Form of the file: ${enum}. Default: what it looks like." enum:"auto,text,csv,ndjson" default:"auto"`
	File   string `arg:"" help:"File to hold the blacklist against; - is standard input."`
}

// Run prints what differs between the blacklist and a file: + for what only the
// file has, - for what only the blacklist has.
func (c diffCmd) Run(ctx context.Context, t ui.Terminal) error {
	r, err := read(t, []string{c.File}, c.Format)
	if err != nil {
		return err
	}
	api, err := c.dial(t)
	if err != nil {
		return err
	}
	only := make(map[client.OpenID]bool, len(r.ids))
	for _, id := range r.ids {
		only[client.OpenID(id)] = true
	}
	out := bufio.NewWriter(t.Out)
	both, live := 0, 0
	for id, err := range api.All(ctx) {
		if err != nil {
			return explainRemote(err)
		}
		if only[id] {
			delete(only, id)
			both++
			continue
		}
		live++
		fmt.Fprintf(out, "- %s\n", shown(id))
	}
	rest := make([]client.OpenID, 0, len(only))
	for id := range only {
		rest = append(rest, id)
	}
	slices.Sort(rest)
	for _, id := range rest {
		fmt.Fprintf(out, "+ %s\n", ui.Printable(string(id)))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if live+len(rest) > 0 {
		return ui.Failed(ui.CodePartly, "mpblock apply "+c.File+" makes the blacklist equal to the file",
			"they differ: %s in both, %s on the blacklist alone, %s in the file alone, %s malformed", ui.Grouped(both), ui.Grouped(live), ui.Grouped(len(rest)), ui.Grouped(len(r.bad)))
	}
	if len(r.bad) > 0 {
		return ui.Failed(ui.CodePartly, "", "%s could not be compared", ui.Many(len(r.bad), "malformed line"))
	}
	return nil
}
