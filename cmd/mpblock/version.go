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
	Command []string `arg:"" optional:"" help:"Command." predictor:"command"`
}

func about() string {
	return fmt.Sprintf("mpblock %s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// release is the version of a release, set when one is built.
var release string

// version returns the release, or what Go has recorded in the binary.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
