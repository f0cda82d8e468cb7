package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/operators"
)

// Operator is the commands of operators of the console.
type Operator struct {
	Add   operatorAdd   `cmd:"" help:"Create an operator of the console; prints the link to choose a password at."`
	List  operatorList  `cmd:"" help:"List all operators."`
	Reset operatorReset `cmd:"" help:"Let an operator choose a new password, without its second factor."`
}

type operatorAdd struct {
	Where
	Name    string   `arg:"" help:"Name to log in with: 1 to 40 lower-case letters, digits and . _ - @"`
	Role    string   `help:"What it may do: ${enum}. A viewer looks, an operator blocks and unblocks, an admin does all. Default: ${default}." enum:"viewer,operator,admin" default:"operator"`
	Account []string `help:"Limit it to this account; may be given often. Without any, it sees all." placeholder:"APPID"`
	Email   string   `help:"By which OpenID Connect finds it the first time."`
}

// Run creates an operator.
func (c operatorAdd) Run(ctx context.Context, t ui.Terminal) error {
	n := admin.NewOperator{Name: c.Name, Role: operators.Role(c.Role), Email: c.Email}
	for _, app := range c.Account {
		n.Accounts = append(n.Accounts, mpblock.AppID(app))
	}
	i, err := admin.Dial(c.Data).AddOperator(ctx, n)
	var refused *mpblock.Error
	if errors.As(err, &refused) && refused.Key == "operator.exists" {
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "mpblock operator reset --data " + c.Data + " " + c.Name + "   has it choose a new password"}
	}
	return c.printLink(t, i, err)
}

// printLink prints where an operator chooses a password.
func (w Where) printLink(t ui.Terminal, i admin.Invited, err error) error {
	if err != nil {
		return w.Explain(err)
	}
	if w.JSON {
		return t.JSON(map[string]string{"name": i.Name, "path": i.Path, "url": i.URL})
	}
	t.Printf("%s\n", i.URL)
	fmt.Fprintf(t.Err, "Open this link to the console within %d minutes; there %s chooses a password. It is good once.\n",
		int(operators.LinkLife.Minutes()), i.Name)
	return nil
}

type operatorList struct{ Where }

// Run lists the operators.
func (c operatorList) Run(ctx context.Context, t ui.Terminal) error {
	all, err := admin.Dial(c.Data).Operators(ctx)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(t.Err, "There is no operator yet; mpblock operator add creates one.")
		return nil
	}
	t.Printf("%-40s  %-8s  %-16s  %s\n", "name", "role", "last login", "accounts")
	for _, o := range all {
		t.Printf("%-40s  %-8s  %-16s  %s\n", o.Name, o.Role, lastLogin(o), accountsOf(o))
	}
	return nil
}

func lastLogin(o admin.Operator) string {
	switch {
	case o.Disabled:
		return "disabled"
	case o.LastLogin == nil:
		return "never"
	}
	return o.LastLogin.Local().Format("2006-01-02 15:04")
}

func accountsOf(o admin.Operator) string {
	if len(o.Accounts) == 0 {
		return "all"
	}
	names := make([]string, len(o.Accounts))
	for i, app := range o.Accounts {
		names[i] = string(app)
	}
	return strings.Join(names, " ")
}

type operatorReset struct {
	Where
	Name string `arg:"" help:"The operator."`
}

// Run lets an operator choose a new password.
func (c operatorReset) Run(ctx context.Context, t ui.Terminal) error {
	i, err := admin.Dial(c.Data).ResetOperator(ctx, c.Name)
	return c.printLink(t, i, err)
}
