package main

import (
	"context"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

type backupCmd struct {
	where
	Dir string `arg:"" help:"Directory to copy to; it must not be there yet. On the server's own machine." type:"path"`
}

// Run copies the store of a running server.
func (c backupCmd) Run(ctx context.Context, t ui.Terminal) error {
	if err := admin.Dial(c.Data).Backup(ctx, c.Dir); err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return t.JSON(map[string]string{"dir": c.Dir})
	}
	t.Printf("copied to %s; mpblock check %s verifies it\n", c.Dir, c.Dir)
	return nil
}

// explain adds to an error of the administration what to do about it.
func (w where) explain(err error) error { return w.Explain(err) }
