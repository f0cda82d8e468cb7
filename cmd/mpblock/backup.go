package main

import (
	"context"
	"errors"
	"io/fs"

	"mpblock/internal/admin"
)

type backupCmd struct {
	where
	Dir string `arg:"" help:"Directory to copy to; it must not be there yet. On the server's own machine." type:"path"`
}

// Run copies the store of a running server.
func (c backupCmd) Run(ctx context.Context, t terminal) error {
	if err := admin.Dial(c.Data).Backup(ctx, c.Dir); err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return t.json(map[string]string{"dir": c.Dir})
	}
	t.printf("copied to %s; mpblock check %s verifies it\n", c.Dir, c.Dir)
	return nil
}

// explain adds to an error of the administration what to do about it.
func (w where) explain(err error) error {
	switch {
	case errors.Is(err, admin.ErrNoServer):
		return failure{code: codeNoServer, err: err, hint: "start it with: mpblock serve --data " + w.Data + "   or name the directory of one that runs: --data DIR"}
	case errors.Is(err, fs.ErrPermission):
		return failure{code: codeFailed, err: err, hint: "run this as the user who runs the server"}
	}
	return err
}
