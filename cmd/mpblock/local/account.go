package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/upstream"
)

// Account is the commands of accounts.
type Account struct {
	Add          accountAdd    `cmd:"" help:"Create an account; prints its AppID and, once, its secret."`
	List         accountList   `cmd:"" help:"List all accounts with the sizes of their lists."`
	Show         accountShow   `cmd:"" help:"Show an account: settings and sizes."`
	Set          accountSet    `cmd:"" help:"Change the settings of an account."`
	Jobs         accountJobs   `cmd:"" help:"List the jobs of the console, and what is in their way on the platform."`
	Sync         accountSync   `cmd:"" help:"Read the list of an account with an upstream, and take over what others did there."`
	Doctor       accountDoctor `cmd:"" help:"Try each call of the platform that changes nothing, and say what works, what is refused and what to do."`
	Pass         accountPass   `cmd:"" help:"Say which calls of programs are passed on to the platform: none but reads of lists, unless allowed."`
	Budget       accountBudget `cmd:"" help:"Set how many calls of the platform are made for an account with an upstream."`
	RotateSecret accountRotate `cmd:"" help:"Give an account a new secret; the old one and all its tokens are bad at once."`
	Remove       accountRemove `cmd:"" help:"Remove an account that is retired, for good: followers, blacklist, history, remarks, jobs."`
}

type accountAdd struct {
	Where
	Name        string `help:"Name, for people."`
	AppID       string `name:"appid" help:"AppID; made at random unless given." placeholder:"wx…"`
	Prefix      string `help:"What its OpenIDs begin with, 8 hexadecimal digits; made at random unless given."`
	AnyFollower bool   `help:"Take every well-formed OpenID with its prefix as a follower."`
	upstreamFlags
}

// Run creates an account.
func (c accountAdd) Run(ctx context.Context, t ui.Terminal) error {
	prefix, err := c.prefixOf(c.Prefix)
	if err != nil {
		return err
	}
	up, err := c.upstream(c.AppID)
	if err != nil {
		return err
	}
	a, err := admin.Dial(c.Data).Add(ctx, admin.NewAccount{AppID: c.AppID, Name: c.Name, Prefix: prefix, AnyFollower: c.AnyFollower, Upstream: up})
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(a)
	}
	t.Printf("appid   %s\nsecret  %s\nprefix  %s\n", a.AppID, a.Secret, a.Prefix)
	if up != nil {
		t.Printf("upstream %s; its list is read with: mpblock account sync --data %s %s\n", up.URL, c.Data, a.AppID)
		fmt.Fprintln(t.Err, "This secret is for your programs, which ask this server; the one of the platform is kept sealed.")
		warnPlain(t, up.Tokens)
	}
	fmt.Fprintln(t.Err, "The secret is not kept and cannot be shown again; account rotate-secret makes a new one.")
	return nil
}

type accountList struct{ Where }

// Run lists the accounts.
func (c accountList) Run(ctx context.Context, t ui.Terminal) error {
	client := admin.Dial(c.Data)
	all := []admin.Account{}
	for after := mpblock.AppID(""); ; after = all[len(all)-1].AppID {
		page, err := client.List(ctx, after)
		if err != nil {
			return c.Explain(err)
		}
		all = append(all, page...)
		if len(page) == 0 {
			break
		}
	}
	if c.JSON {
		return t.JSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(t.Err, "There is no account yet; mpblock account add creates one.")
		return nil
	}
	t.Printf("%-18s  %12s  %12s  %s\n", "appid", "followers", "blocked", "name")
	for _, a := range all {
		t.Printf("%-18s  %12s  %12s  %s\n", a.AppID, ui.Grouped(a.Followers), ui.Grouped(a.Blocked), a.Name)
	}
	return nil
}

type accountShow struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account."`
}

// Run shows an account.
func (c accountShow) Run(ctx context.Context, t ui.Terminal) error {
	client := admin.Dial(c.Data)
	a, err := client.Show(ctx, c.AppID)
	if err := c.print(t, a, err); err != nil || a.Upstream == "" || c.JSON {
		return err
	}
	u, err := client.Upstream(ctx, c.AppID)
	if err != nil {
		return c.Explain(err)
	}
	printUpstream(t, u)
	return nil
}

func (w Where) print(t ui.Terminal, a admin.Account, err error) error {
	if err != nil {
		return w.Explain(err)
	}
	if w.JSON {
		return t.JSON(a)
	}
	follower := "those registered"
	if a.AnyFollower {
		follower = "any OpenID with its prefix"
	}
	ips := "any"
	if len(a.AllowIPs) > 0 {
		ips = strings.Join(a.AllowIPs, " ")
	}
	t.Printf("appid       %s\nname        %s\nprefix      %s\nfollowers   %s (%s)\nblocked     %s\naddresses   %s\n",
		a.AppID, a.Name, a.Prefix, ui.Grouped(a.Followers), follower, ui.Grouped(a.Blocked), ips)
	if a.Retired {
		t.Printf("retired     yes: its calls answer 40013, its lists can be read alone\n")
	}
	for _, reason := range a.Reasons {
		t.Printf("reason      %s\n", reason)
	}
	if a.ReasonRequired {
		t.Printf("reasons     required to block in the console\n")
	}
	for _, call := range a.DeniedCalls {
		t.Printf("denied      %s\n", call)
	}
	for _, call := range slices.Sorted(maps.Keys(a.Daily)) {
		t.Printf("daily       %s %s\n", call, ui.Grouped(a.Daily[call]))
	}
	for _, call := range slices.Sorted(maps.Keys(a.PerMinute)) {
		t.Printf("per minute  %s %s\n", call, ui.Grouped(a.PerMinute[call]))
	}
	return nil
}

type accountSet struct {
	Where
	AppID       string            `arg:"" name:"appid" help:"The account."`
	Name        *string           `help:"Name, for people."`
	AnyFollower *bool             `help:"Take every well-formed OpenID with its prefix as a follower: true or false." placeholder:"BOOL"`
	AllowIP     []string          `help:"Address or network that may call; may be given often. Without any, all may." placeholder:"CIDR"`
	ForgetIP    []string          `help:"Address or network to take off that list; or all." placeholder:"CIDR"`
	DenyCall    []string          `help:"Call that answers 48001 from now on." placeholder:"CALL"`
	AllowCall   []string          `help:"Call that is denied no more." placeholder:"CALL"`
	Daily       map[string]string `help:"Limit a call per day of UTC+8: getblacklist=500; =off takes the limit away." placeholder:"CALL=N"`
	PerMinute   map[string]string `help:"Limit a call per minute, likewise." placeholder:"CALL=N"`

	Reason         []string `sep:"none" help:"Reason that the console offers first; may be given often." placeholder:"TEXT"`
	ForgetReason   []string `sep:"none" help:"Reason to offer no more; or all." placeholder:"TEXT"`
	ReasonRequired *bool    `help:"Whether the console blocks nobody without a reason: true or false." placeholder:"BOOL"`
	Retired        *bool    `help:"Whether the account is retired: its calls answer 40013 and its lists can be read alone. true or false." placeholder:"BOOL"`

	Fresh           *bool  `help:"Of an account with an upstream: whether programs' getblacklist and user/get are passed on, instead of answered from what was read last. true or false." placeholder:"BOOL"`
	AnyPrefix       *bool  `help:"Of an account with an upstream: whether OpenIDs that begin as no other of its own do are sent to the platform all the same, which then decides. true or false." placeholder:"BOOL"`
	MirrorFollowers *bool  `help:"Of an account with an upstream: whether its followers are read once a day. true or false." placeholder:"BOOL"`
	Upstream        string `help:"Of an account with an upstream: base URL of the API on which its blacklist lies from now on, with where its tokens come from there. Both are tried first." placeholder:"URL"`
	tokenFlags
}

// Run changes an account's settings.
func (c accountSet) Run(ctx context.Context, t ui.Terminal) error {
	s := admin.Settings{Name: c.Name, AnyFollower: c.AnyFollower, AnyPrefix: c.AnyPrefix, AllowIPs: c.AllowIP, ForgetIPs: c.ForgetIP}
	s.Reasons, s.ForgetReasons, s.ReasonRequired, s.Retired = c.Reason, c.ForgetReason, c.ReasonRequired, c.Retired
	for _, list := range []struct {
		in  []string
		out *[]mpblock.Call
	}{{c.DenyCall, &s.DenyCalls}, {c.AllowCall, &s.AllowCalls}} {
		for _, name := range list.in {
			call, err := mpblock.ParseCall(name)
			if err != nil {
				return ui.Failure{Code: ui.CodeUsage, Err: err}
			}
			*list.out = append(*list.out, call)
		}
	}
	var err error
	if s.Daily, err = parseLimits("--daily", c.Daily); err != nil {
		return err
	}
	if s.PerMinute, err = parseLimits("--per-minute", c.PerMinute); err != nil {
		return err
	}
	client := admin.Dial(c.Data)
	if c.Fresh != nil || c.MirrorFollowers != nil {
		if _, err := client.SetUpstream(ctx, c.AppID, upstream.Settings{Fresh: c.Fresh, MirrorFollowers: c.MirrorFollowers}); err != nil {
			return c.Explain(err)
		}
	}
	if c.Upstream != "" || c.tokenFlags != (tokenFlags{}) {
		if err := c.move(ctx, t, client); err != nil {
			return err
		}
	}
	a, err := client.Set(ctx, c.AppID, s)
	return c.print(t, a, err)
}

func parseLimits(flag string, in map[string]string) (map[mpblock.Call]int, error) {
	out := map[mpblock.Call]int{}
	for name, text := range in {
		call, err := mpblock.ParseCall(name)
		if err != nil {
			return nil, ui.Failure{Code: ui.CodeUsage, Err: fmt.Errorf("%s: %w", flag, err)}
		}
		n, err := strconv.Atoi(text)
		if text == "off" {
			n, err = -1, nil
		} else if n < 0 {
			err = strconv.ErrRange
		}
		if err != nil {
			return nil, ui.Failed(ui.CodeUsage, fmt.Sprintf("mpblock account set ... %s %s=500, or =off", flag, call), "%s %s=%s: want a number or off", flag, name, text)
		}
		out[call] = n
	}
	return out, nil
}

type accountRotate struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account."`
}

// Run rotates an account's secret.
func (c accountRotate) Run(ctx context.Context, t ui.Terminal) error {
	secret, err := admin.Dial(c.Data).RotateSecret(ctx, c.AppID)
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(map[string]string{"appid": c.AppID, "secret": secret})
	}
	t.Printf("secret  %s\n", secret)
	fmt.Fprintln(t.Err, "The old secret and all access tokens got with it are bad from now on.")
	return nil
}

type accountRemove struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account; it must be retired: account set --retired=true."`
	Yes   bool   `help:"Do not ask for the AppID to be typed again."`
}

// Run removes an account.
func (c accountRemove) Run(ctx context.Context, t ui.Terminal) error {
	client := admin.Dial(c.Data)
	if !c.Yes {
		if err := c.confirm(ctx, t, client); err != nil {
			return err
		}
	}
	if err := client.Remove(ctx, c.AppID); err != nil {
		if e := new(mpblock.Error); errors.As(err, &e) && e.Key == "account.in_use" {
			return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: fmt.Sprintf("mpblock account set --data %s %s --retired=true", c.Data, c.AppID)}
		}
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(map[string]string{"appid": c.AppID})
	}
	t.Printf("removed  %s\n", c.AppID)
	fmt.Fprintln(t.Err, "What is kept of it is being erased; the server's log says when nothing is left. Backups are not touched.")
	return nil
}

// confirm shows what would be lost, and has the AppID typed.
func (c accountRemove) confirm(ctx context.Context, t ui.Terminal, client *admin.Client) error {
	a, err := client.Show(ctx, c.AppID)
	if err != nil {
		return c.Explain(err)
	}
	if !t.CanAsk() {
		return ui.Failed(ui.CodeUsage, "--yes does not ask", "nobody is there to confirm that account %s is to be removed; nothing was done", c.AppID)
	}
	fmt.Fprintf(t.Err, "Account %s (%s): %s and %s blocked, with history, remarks and jobs, are erased for good.\n",
		a.AppID, ui.Printable(a.Name), ui.Many(a.Followers, "follower"), ui.Grouped(a.Blocked))
	if t.AskFor("To go on, type its AppID:") != c.AppID {
		return ui.Failed(ui.CodeCancelled, "--yes does not ask", "that is not %s; nothing was done", c.AppID)
	}
	return nil
}
