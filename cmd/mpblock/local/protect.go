package local

import (
	"context"
	"fmt"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Protect protects people of an account.
type Protect struct {
	of
	Why     string   `required:"" help:"Why, as whoever is refused is told: one line of up to 80 characters." placeholder:"TEXT"`
	OpenIDs []string `arg:"" name:"openid" help:"Whom nobody is to block, up to 100 at once."`
}

// Run protects them.
func (c Protect) Run(ctx context.Context, t ui.Terminal) error {
	added, err := admin.Dial(c.Data).Protect(ctx, c.Account, c.Why, c.OpenIDs)
	return c.say(t, added, err, "protected")
}

// Unprotect ends the protection of people of an account.
type Unprotect struct {
	of
	OpenIDs []string `arg:"" name:"openid" help:"Who may be blocked again, up to 100 at once."`
}

// Run ends their protection.
func (c Unprotect) Run(ctx context.Context, t ui.Terminal) error {
	freed, err := admin.Dial(c.Data).Unprotect(ctx, c.Account, c.OpenIDs)
	return c.say(t, freed, err, "no more protected")
}

func (c of) say(t ui.Terminal, did admin.Persons, err error, what string) error {
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(did)
	}
	for _, id := range did.OpenIDs {
		t.Printf("%s\n", id)
	}
	were := "are %s that were"
	if len(did.OpenIDs) == 1 {
		were = "is %s that was"
	}
	fmt.Fprintf(t.Err, "%s "+were+" not so before.\n", ui.Many(len(did.OpenIDs), "OpenID"), what)
	return nil
}

// Protected lists whom nobody can block of an account.
type Protected struct{ of }

// Run lists them.
func (c Protected) Run(ctx context.Context, t ui.Terminal) error {
	all, err := admin.Dial(c.Data).Protected(ctx, c.Account)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(t.Err, "Nobody is protected; mpblock protect OPENID --why TEXT protects somebody.")
		return nil
	}
	t.Printf("%-28s  %-16s  %-7s  %-16s  %s\n", "openid", "since", "blocked", "by", "why")
	for _, p := range all {
		blocked := "no"
		if p.Blocked {
			blocked = "yes"
		}
		t.Printf("%-28s  %-16s  %-7s  %-16s  %s\n", p.OpenID, minute(&p.Since), blocked, p.By, p.Why)
	}
	return nil
}
