package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// Program is the commands of the programs of an account.
type Program struct {
	Add    programAdd    `cmd:"" help:"Make a program; prints, once, its secret."`
	List   programList   `cmd:"" help:"List the programs of an account, with what they may do and when they were last used."`
	Show   programShow   `cmd:"" help:"Show a program."`
	Rotate programRotate `cmd:"" help:"Give a program a new secret; the old one and all its tokens are bad at once."`
	Scope  programScope  `cmd:"" help:"Say what a program may do: read, write, feed."`
	Revoke programRevoke `cmd:"" help:"End a program: its secret and all its tokens are bad at once."`
}

// of is the flags of these commands.
type of struct {
	Where
	Account string `required:"" help:"AppID of the account." placeholder:"APPID"`
}

// named is the flags of those about one program.
type named struct {
	of
	Name string `arg:"" help:"The program: 1 to 32 lower-case letters, digits and . _ -"`
}

type programAdd struct {
	named
	Scopes []string `name:"scope" help:"What it may do, ${enum}; may be given often. Default: ${default}." enum:"read,write,feed" default:"read,write"`
}

// Run makes a program.
func (c programAdd) Run(ctx context.Context, t ui.Terminal) error {
	p, err := admin.Dial(c.Data).AddProgram(ctx, c.Account, admin.NewProgram{Name: c.Name, Scopes: c.Scopes})
	if err != nil {
		return c.Explain(err)
	}
	return c.secret(t, p, "It gets tokens with the account's AppID and this secret, which is not kept and cannot be shown again.")
}

// secret prints a secret, this once.
func (c of) secret(t ui.Terminal, p admin.WithSecret, means string) error {
	if c.JSON {
		return t.JSON(p)
	}
	t.Printf("program %s\nappid   %s\nsecret  %s\nscopes  %s\n", p.Name, c.Account, p.Secret, strings.Join(p.Scopes, " "))
	fmt.Fprintln(t.Err, means)
	return nil
}

type programList struct{ of }

// Run lists the programs of an account.
func (c programList) Run(ctx context.Context, t ui.Terminal) error {
	all, err := admin.Dial(c.Data).Programs(ctx, c.Account)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(t.Err, "There is no program yet; mpblock program add creates one. The account's own secret works without.")
		return nil
	}
	t.Printf("%-32s  %-10s  %-16s  %-16s  %s\n", "name", "scopes", "made", "last used", "by")
	for _, p := range all {
		t.Printf("%-32s  %-10s  %-16s  %-16s  %s\n", p.Name, scopes(p), minute(&p.Made), minute(p.Used), p.By)
	}
	return nil
}

func scopes(p admin.Program) string {
	if p.Revoked != nil {
		return "revoked"
	}
	return strings.Join(p.Scopes, " ")
}

func minute(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

type programShow struct{ named }

// Run shows a program.
func (c programShow) Run(ctx context.Context, t ui.Terminal) error {
	p, err := admin.Dial(c.Data).Program(ctx, c.Account, c.Name)
	return c.print(t, p, err)
}

// print prints a program as it is now.
func (c of) print(t ui.Terminal, p admin.Program, err error) error {
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(p)
	}
	t.Printf("name       %s\nscopes     %s\nmade       %s by %s\nlast used  %s\n", p.Name, scopes(p), minute(&p.Made), p.By, minute(p.Used))
	if p.Rotated != nil {
		t.Printf("secret of  %s\n", minute(p.Rotated))
	}
	if p.Revoked != nil {
		t.Printf("revoked    %s\n", minute(p.Revoked))
	}
	return nil
}

type programRotate struct{ named }

// Run gives a program a new secret.
func (c programRotate) Run(ctx context.Context, t ui.Terminal) error {
	p, err := admin.Dial(c.Data).RotateProgram(ctx, c.Account, c.Name)
	if err != nil {
		return c.Explain(err)
	}
	return c.secret(t, p, "The old secret and all access tokens got with it are bad from now on.")
}

type programScope struct {
	named
	Scopes []string `arg:"" enum:"read,write,feed" help:"All that it may do from now on: ${enum}."`
}

// Run says what a program may do.
func (c programScope) Run(ctx context.Context, t ui.Terminal) error {
	p, err := admin.Dial(c.Data).ScopeProgram(ctx, c.Account, c.Name, c.Scopes)
	return c.print(t, p, err)
}

type programRevoke struct{ named }

// Run ends a program.
func (c programRevoke) Run(ctx context.Context, t ui.Terminal) error {
	p, err := admin.Dial(c.Data).RevokeProgram(ctx, c.Account, c.Name)
	return c.print(t, p, err)
}
