package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Follower is the commands of followers.
type Follower struct {
	Import followerImport `cmd:"" help:"Register the OpenIDs of a file as followers."`
	Mint   followerMint   `cmd:"" help:"Make new followers with OpenIDs of random users, for emulators; prints the OpenIDs."`
}

type followerMint struct {
	Where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
	N       int    `arg:"" name:"n" help:"How many."`
}

// Run mints followers.
func (c followerMint) Run(ctx context.Context, t ui.Terminal) error {
	if c.N < 1 {
		return ui.Failed(ui.CodeUsage, "mpblock follower mint 1000 --account APPID", "%d followers: want 1 or more", c.N)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := admin.Dial(c.Data)
	out := bufio.NewWriter(t.Out)
	for made := 0; made < c.N; {
		ids, err := client.Mint(ctx, c.Account, min(c.N-made, mpblock.MaxWrite))
		if err != nil && made == 0 && ctx.Err() == nil {
			return c.Explain(err)
		}
		if err == nil {
			err = c.write(out, ids)
		}
		if err != nil {
			return c.interrupted(err, made)
		}
		made += len(ids)
	}
	fmt.Fprintf(t.Err, "%s of %s\n", ui.Many(c.N, "new follower"), c.Account)
	return nil
}

// write prints OpenIDs, and does not return before they are out: followers whose
// OpenIDs nobody learns are of no use, so none are made once that fails.
func (c followerMint) write(out *bufio.Writer, ids []string) error {
	for _, id := range ids {
		if c.JSON {
			id = `{"openid":"` + id + `"}`
		}
		fmt.Fprintln(out, id)
	}
	return out.Flush()
}

// interrupted says how many followers were made by a command that cannot go on.
func (c followerMint) interrupted(err error, made int) error {
	code := ui.CodePartly
	if errors.Is(err, context.Canceled) {
		code, err = ui.CodeCancelled, errors.New("cancelled")
	}
	return ui.Failed(code, fmt.Sprintf("mpblock follower mint %d --account %s --data %s makes the rest", c.N-made, c.Account, c.Data),
		"%w; %s followers were made and printed, up to %s more may be registered", err, ui.Grouped(made), ui.Grouped(min(c.N-made, mpblock.MaxWrite)))
}
