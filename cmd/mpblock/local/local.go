// Package local has the commands that speak to the administration of a running server, over
// the socket in its data directory.
package local

import (
	"errors"
	"io/fs"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Where is the flags of the commands that speak to a running server.
type Where struct {
	Data string `help:"Data directory of the server. Default: ./mpblock-data." default:"./mpblock-data" env:"MPBLOCK_DATA" placeholder:"DIR" type:"path"`
	JSON bool   `help:"Print JSON."`
}

// Explain says what to do about an error of the administration.
func (w Where) Explain(err error) error {
	switch {
	case errors.Is(err, admin.ErrNoServer):
		return ui.Failure{Code: ui.CodeNoServer, Err: err, Hint: "start it with: mpblock serve --data " + w.Data + "   or name the directory of one that runs: --data DIR"}
	case errors.Is(err, fs.ErrPermission):
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "run this as the user who runs the server"}
	}
	return err
}
