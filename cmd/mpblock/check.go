package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/overapi"
	"mpblock/cmd/mpblock/ui"
	accounts "mpblock/internal/access"
	"mpblock/internal/check"
	"mpblock/internal/pebblestore"
	"mpblock/internal/sqlstore/address"
)

type checkCmd struct {
	What []string `arg:"" optional:"" name:"dir|openid" help:"Data directory of a server that does not run, or a backup; or OpenIDs to ask a server about."`
	JSON bool     `help:"Print JSON; of OpenIDs, one object a line."`
	overapi.Check
	database
}

// checked is what --json prints of an account.
type checked struct {
	AppID     mpblock.AppID `json:"appid"`
	Followers int           `json:"followers"`
	Blocked   int           `json:"blocked"`
	Changes   int           `json:"changes"`
	Problems  []string      `json:"problems"`
}

// goBack is what to do about a store that is damaged.
const goBack = "go back to the last backup that mpblock check finds sound"

// Run asks a server about OpenIDs, or verifies a store at rest. Nothing is changed.
func (c checkCmd) Run(ctx context.Context, t ui.Terminal) error {
	if c.Asks(c.What) {
		return c.Ask(ctx, t, c.What, c.JSON)
	}
	where, err := c.where()
	if err != nil {
		return err
	}
	store, err := openAtRest(ctx, where, c.database)
	if err != nil {
		return err
	}
	noteEnd(t, store)
	all, err := c.checkAll(ctx, t, store)
	if err != nil && ctx.Err() == nil && !isDatabase(where) {
		err = ui.Failed(ui.CodeDamaged, goBack, "damaged: the accounts in %s cannot be read: %w", where, err)
	}
	var files error
	if v, ok := store.(interface {
		Verify(ctx context.Context) error
	}); ok && err == nil {
		files = v.Verify(ctx)
	}
	closed := store.Close()
	if c.JSON {
		closed = errors.Join(t.JSON(append([]checked{}, all...)), closed)
	}
	bad := 0
	for _, r := range all {
		if len(r.Problems) > 0 {
			bad++
		}
	}
	switch {
	case err != nil:
		return err
	case bad > 0: // which may be why it does not close
		return ui.Failed(ui.CodeDamaged, goBack, "damaged: %s of %s in %s", ui.Grouped(bad), ui.Many(len(all), "account"), named(where))
	case errors.As(files, new(*pebblestore.DamagedError)): // where no account has anything now
		return ui.Failed(ui.CodeDamaged, goBack, "damaged: %w", files)
	case files != nil:
		return files
	case closed != nil:
		return closed
	case !c.JSON:
		t.Printf("%s: entries, totals and change logs agree\n", ui.Many(len(all), "account"))
	}
	return nil
}

// noteEnd says what of an embedded store's log cannot be read.
func noteEnd(t ui.Terminal, store mpblock.Store) {
	if s, ok := store.(*pebblestore.Store); ok {
		if end, err := s.UnreadEnd(); err == nil && end.Unread > 0 {
			fmt.Fprintln(t.Err, "note:", end.String())
		}
	}
}

// checkAll checks the accounts of a store, and prints what it finds unless JSON is
// wanted. What panics while it looks for them is damage of the list of accounts.
func (c checkCmd) checkAll(ctx context.Context, t ui.Terminal, store mpblock.Store) (all []checked, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New(firstLine(p))
		}
	}()
	reports := map[mpblock.AppID]*check.Report{}
	err = eachAppID(ctx, store, func(app mpblock.AppID) error {
		r := checkAccount(ctx, store, app)
		reports[app] = &r
		all = append(all, checked{r.AppID, r.Followers, r.Entries, r.Changes, append([]string{}, r.Problems...)})
		if !c.JSON {
			printReport(t, r)
		}
		return ctx.Err()
	})
	if err != nil {
		return all, err
	}
	err = check.Ends(ctx, store, reports)
	for i := range all {
		r := reports[all[i].AppID]
		if len(r.Problems) > len(all[i].Problems) && !c.JSON {
			printReport(t, *r)
		}
		all[i].Problems = append([]string{}, r.Problems...)
	}
	return all, err
}

// where returns what is to be checked: a directory or the address of a database.
func (c checkCmd) where() (string, error) {
	switch {
	case len(c.What) > 0:
		return c.What[0], nil
	case c.Store != "":
		return c.Store, nil
	}
	return "", ui.Failed(ui.CodeUsage, "mpblock check DIR, or mpblock check --store "+address.Example+"; mpblock check OPENID asks a server", "neither a data directory nor a database nor an OpenID is named")
}

// checkAccount is check.Account for a store whose engine may panic over what it does
// not understand: to find that is what this command is for, and other accounts may be
// sound. That an account cannot be read is a problem of it.
func checkAccount(ctx context.Context, store mpblock.Store, app mpblock.AppID) (r check.Report) {
	r.AppID = app
	unreadable := func(why any) {
		r.Problems = append(r.Problems, "it cannot be read: "+firstLine(why))
	}
	defer func() {
		if p := recover(); p != nil {
			unreadable(p)
		}
	}()
	r, err := check.Account(ctx, store, app)
	if err != nil {
		unreadable(err)
	}
	return r
}

// firstLine is what was said, without the stack trace that follows it.
func firstLine(why any) string {
	text, _, _ := strings.Cut(fmt.Sprint(why), "\n")
	return text
}

func printReport(t ui.Terminal, r check.Report) {
	word := "ok"
	if len(r.Problems) > 0 {
		word = "DAMAGED"
	}
	t.Printf("%s  %s: %s, %s blocked, %s\n", r.AppID, word, ui.Many(r.Followers, "follower"), ui.Grouped(r.Entries), ui.Many(r.Changes, "change"))
	for _, p := range r.Problems {
		t.Printf("    %s\n", p)
	}
	if len(r.Problems) == check.MaxProblems {
		t.Printf("    and perhaps more\n")
	}
}

// eachAppID hands over the accounts of a store that no platform is opened on,
// since that would write to it; those that were removed, or are being removed, are none.
func eachAppID(ctx context.Context, store mpblock.Store, do func(mpblock.AppID) error) error {
	for after := ""; ; {
		records, err := store.List(ctx, accounts.KindAccount, after, 1000)
		if err != nil {
			return fmt.Errorf("list the accounts: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			after = r.Key
			if accounts.Gone(r) {
				continue
			}
			if err := do(mpblock.AppID(r.Key)); err != nil {
				return err
			}
		}
	}
}
