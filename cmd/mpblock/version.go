package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"mpblock/cmd/mpblock/ui"
)

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(t ui.Terminal) error { //nolint:unparam // kong wants an error
	t.Printf("%s\n", about())
	return nil
}

// versionFlag is --version, which many look for first.
type versionFlag bool

// BeforeReset prints the version, whatever else is on the command line.
func (versionFlag) BeforeReset(app *kong.Kong) error { //nolint:unparam // kong wants an error
	fmt.Fprintln(app.Stdout, about())
	app.Exit(ui.CodeDone)
	return nil
}

// helpCmd is in the list of commands; run makes --help of it.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Command."`
}

func about() string {
	return fmt.Sprintf("mpblock %s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version returns what Go has recorded in the binary: the release, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
