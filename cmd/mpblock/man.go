package main

import (
	"strings"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/roff"

	"mpblock/cmd/mpblock/ui"
)

type manCmd struct{}

// Run prints the manual page, of all commands and flags: make man, and the Debian
// package.
func (manCmd) Run(app *kong.Kong, t ui.Terminal) error { //nolint:unparam // kong wants an error
	title, rest, _ := strings.Cut(description, ":")
	paragraphs := strings.Split(rest, "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.TrimSpace(strings.ReplaceAll(p, "\n", " "))
	}
	app.Model.Help = title + "\nIt serves: " + strings.Join(paragraphs, "\n\n")
	page := mangokong.NewManPage(1, app.Model)
	page = page.WithSection("See also", "The files in docs/ of the sources: cli.md, operations.md, console.md, emulator.md.")
	t.Printf("%s", page.Build(roff.NewDocument()))
	return nil
}
