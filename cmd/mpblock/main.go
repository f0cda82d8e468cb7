// Command mpblock is the blacklist of an Official Account platform: the server,
// and the commands that administer it. See mpblock --help.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr})) }
