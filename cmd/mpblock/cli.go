package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"

	"mpblock/cmd/mpblock/emulate"
	"mpblock/cmd/mpblock/local"
	"mpblock/cmd/mpblock/overapi"
	"mpblock/cmd/mpblock/ui"
)

// cli is all commands.
type cli struct {
	Serve     serveCmd        `cmd:"" help:"Run the server."`
	Account   local.Account   `cmd:"" help:"Add, list, show and change accounts of a running server."`
	Webhook   local.Webhook   `cmd:"" help:"Make, list, try and remove webhooks: URLs that are told of the changes of an account's blacklist."`
	Program   local.Program   `cmd:"" help:"Make, list and revoke programs: named credentials of an account of a running server."`
	Follower  local.Follower  `cmd:"" help:"Register followers with a running server."`
	Remark    local.Remark    `cmd:"" help:"Import, print and erase what operators call people, on a running server."`
	Protect   local.Protect   `cmd:"" help:"Protect people, such as staff: nobody can block them, by any door of a running server."`
	Unprotect local.Unprotect `cmd:"" help:"End the protection of people."`
	Protected local.Protected `cmd:"" help:"List whom nobody can block, with who has protected them and why."`
	Operator  local.Operator  `cmd:"" help:"Add, list and reset operators of the console of a running server."`
	Backup    local.Backup    `cmd:"" help:"Copy the store of a running server."`
	Check     checkCmd        `cmd:"" help:"Ask a server whether people are blocked; or verify a store that no server is using."`
	Copy      copyCmd         `cmd:"" help:"Copy a whole store: between directories and databases."`
	Migrate   migrateCmd      `cmd:"" help:"Show or change the version of a database's schema."`
	Emulator  emulate.Command `cmd:"" help:"Have a running emulator fail, move its clock, and go back: mpblock serve --demo is one."`
	overapi.Commands
	Version versionCmd `cmd:"" help:"Print the version."`
	Man     manCmd     `cmd:"" hidden:"" help:"Print the manual page."`
	Help    helpCmd    `cmd:"" help:"Show what a command does: mpblock help block."`

	Completion completionCmd `cmd:"" help:"Print what has a shell complete commands and flags."`

	ShowVersion versionFlag `name:"version" help:"Print the version."`
}

const description = `The blacklist of an Official Account (公众号) platform: list, block and unblock followers by OpenID,
over the platform's own HTTP API.

Flags marked with a $NAME are also read from the environment.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the data directory is in use,
4 partly done or differences found, 5 the store is damaged, 6 no server is running,
7 the server refused, 8 cancelled.`

const examples = `mpblock is the blacklist of an Official Account (公众号) platform.

Try it, with 30,000 followers of whom 23,000 are blocked:
    mpblock serve --demo

Run it for good, add an account and its followers:
    mpblock serve --data /var/lib/mpblock
    mpblock account add --data /var/lib/mpblock --name "My account"
    mpblock follower import --data /var/lib/mpblock --account wx... followers.txt

Copy it while it runs, and verify the copy:
    mpblock backup --data /var/lib/mpblock /backup/today
    mpblock check /backup/today

Everything else: mpblock --help, mpblock COMMAND --help
`

// run runs the program and returns its exit code.
func run(args []string, t ui.Terminal) int {
	if len(args) == 0 && os.Getenv("COMP_LINE") == "" {
		fmt.Fprint(t.Out, examples)
		return ui.CodeDone
	}
	t.AsJSON = ui.WantsJSON(args)
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	var c cli
	profile := &overapi.ProfileResolver{}
	exit := -1
	parser, err := kong.New(&c, kong.Name("mpblock"), kong.Description(description),
		kong.Resolvers(profile), kong.Writers(t.Out, t.Err), kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		return t.Fail(err)
	}
	predictors := kongplete.WithPredictors(overapi.Predictors)
	if kongplete.Complete(parser, predictors, kongplete.WithPredictor("command", commandsOf(parser.Model.Node))); exit >= 0 { // a shell asks what may come next
		return exit
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help or --version has been printed
		return exit
	}
	if profile.Err != nil {
		return t.Fail(profile.Err)
	}
	if err != nil {
		return t.Fail(wrongUsage(err))
	}
	k.BindTo(context.Background(), (*context.Context)(nil))
	return t.Fail(k.Run(t))
}

func wrongUsage(err error) error {
	hint := "mpblock --help"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil && p.Context.Selected() != nil {
		hint = "mpblock " + p.Context.Selected().Path() + " --help"
	}
	return ui.Failure{Code: ui.CodeUsage, Err: err, Hint: hint}
}
