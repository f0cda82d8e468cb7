package local

import (
	"context"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Backup is the command that copies the store.
type Backup struct {
	Where
	Dir string `arg:"" help:"Directory to copy to; it must not be there yet. On the server's own machine." type:"path"`
}

// Run copies the store of a running server.
func (c Backup) Run(ctx context.Context, t ui.Terminal) error {
	if err := admin.Dial(c.Data).Backup(ctx, c.Dir); err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(map[string]string{"dir": c.Dir})
	}
	t.Printf("copied to %s; mpblock check %s verifies it\n", c.Dir, c.Dir)
	return nil
}
