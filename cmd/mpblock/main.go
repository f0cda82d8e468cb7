// Command mpblock is the blacklist of an Official Account platform: the server,
// and the commands that administer it. See mpblock --help.
package main

import (
	"os"

	"mpblock/cmd/mpblock/ui"
)

func main() { os.Exit(run(os.Args[1:], ui.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})) }
