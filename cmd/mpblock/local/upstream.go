package local

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
	"mpblock/internal/console/i18n"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/source"
)

// upstreamFlags say that an account's list lies on the real platform.
type upstreamFlags struct {
	Upstream string `help:"Base URL of the API on which its blacklist lies, as https://api.weixin.qq.com: this server is then in front of it." placeholder:"URL"`
	tokenFlags
}

// tokenFlags say where the tokens of an account on the real platform come from. All of it
// is kept sealed.
type tokenFlags struct {
	UpstreamSecretFile      string `help:"File with the account's secret there, to get tokens with." placeholder:"FILE" type:"existingfile"`
	UpstreamPlainToken      bool   `help:"Get tokens at /cgi-bin/token there instead of stable_token: each ends those that other programs have."`
	UpstreamTokenURL        string `name:"upstream-token-url" help:"URL that answers with a token; @FILE reads it from a file." placeholder:"URL"`
	UpstreamTokenHeaderFile string `help:"File with a header for that URL, Name: value, or with a bearer token." placeholder:"FILE" type:"existingfile"`
	UpstreamTokenRefreshURL string `name:"upstream-token-refresh-url" help:"URL that makes a new token; it is asked once for each that the platform refuses." placeholder:"URL"`
	UpstreamTokenFile       string `help:"File that somebody else keeps a token in; the server reads it." placeholder:"FILE" type:"path"`
	UpstreamTokenRedis      string `help:"Key of a Redis that has a token: redis://USER:PASSWORD@HOST:PORT/KEY?db=0, rediss:// for TLS; @FILE reads it from a file." placeholder:"URL"`
	UpstreamTokenKey        string `help:"Key that queries have the token under, if it is not access_token." placeholder:"KEY"`
}

// upstream returns what the flags say; nil: the list lies here.
func (f upstreamFlags) upstream(appid string) (*admin.NewUpstream, error) {
	const example = "mpblock account add --appid wx… --upstream https://api.weixin.qq.com --upstream-secret-file FILE"
	switch {
	case f.Upstream == "" && f.tokenFlags != (tokenFlags{}):
		return nil, ui.Failed(ui.CodeUsage, example, "--upstream is missing")
	case f.Upstream == "":
		return nil, nil //nolint:nilnil // there is none
	case appid == "" || !f.given():
		return nil, ui.Failed(ui.CodeUsage, example, "an account with --upstream wants its --appid there, and --upstream-secret-file, or another of the places of its tokens: --upstream-token-url, -file or -redis")
	}
	tokens, err := f.tokens()
	return &admin.NewUpstream{URL: f.Upstream, Tokens: tokens}, err
}

// given tells whether there is a place of tokens.
func (f tokenFlags) given() bool {
	return f.UpstreamSecretFile+f.UpstreamTokenURL+f.UpstreamTokenFile+f.UpstreamTokenRedis != ""
}

// tokens returns where the flags say that tokens come from.
func (f tokenFlags) tokens() (source.Spec, error) {
	s := source.Spec{Plain: f.UpstreamPlainToken, Refresh: f.UpstreamTokenRefreshURL, File: f.UpstreamTokenFile, Key: f.UpstreamTokenKey}
	for _, text := range []struct {
		into       *string
		flag, what string
	}{
		{&s.Secret, atFile(f.UpstreamSecretFile), "the secret"},
		{&s.Header, atFile(f.UpstreamTokenHeaderFile), "the header"},
		{&s.URL, f.UpstreamTokenURL, "the URL"},
		{&s.Refresh, f.UpstreamTokenRefreshURL, "the URL"},
		{&s.Redis, f.UpstreamTokenRedis, "the URL"},
	} {
		name, file := strings.CutPrefix(text.flag, "@")
		if *text.into = text.flag; !file {
			continue
		}
		b, err := os.ReadFile(name) //nolint:gosec // who runs the command names it
		if err != nil {
			return s, ui.Failed(ui.CodeUsage, "", "the file with %s: %w", text.what, err)
		}
		*text.into = strings.TrimSpace(ui.FileSecret(b))
	}
	if err := s.Check(); err != nil {
		return s, ui.Failure{Code: ui.CodeUsage, Err: err}
	}
	return s, nil
}

func atFile(name string) string {
	if name == "" {
		return ""
	}
	return "@" + name
}

// prefixOf reads --prefix, which may be a whole OpenID where the list lies elsewhere.
func (f upstreamFlags) prefixOf(text string) (string, error) {
	id, err := mpblock.ParseOpenID(text)
	if err != nil {
		return text, nil //nolint:nilerr // a prefix, or what the server refuses
	}
	if f.Upstream == "" {
		return "", ui.Failed(ui.CodeUsage, "--prefix "+id.Prefix().String(), "--prefix %s is a whole OpenID, want the 8 hexadecimal digits of its prefix", text)
	}
	return id.Prefix().String(), nil
}

// move has an account's list lie elsewhere, or its tokens come from elsewhere, or both.
func (c accountSet) move(ctx context.Context, t ui.Terminal, client *admin.Client) error {
	if c.Upstream != "" && !c.given() {
		return ui.Failed(ui.CodeUsage, "mpblock account set --data "+c.Data+" "+c.AppID+" --upstream "+c.Upstream+" --upstream-secret-file FILE",
			"--upstream wants where tokens come from as well, as --upstream-secret-file: the secret that is kept goes to no other server")
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	u, err := client.Move(ctx, c.AppID, admin.NewUpstream{URL: c.Upstream, Tokens: tokens})
	if err != nil {
		return c.Explain(err)
	}
	warnPlain(t, tokens)
	if !u.Moved.IsZero() {
		fmt.Fprintf(t.Err, "The next reading is the first from %s; a list that is not nearly the one here waits for somebody to be sure. To read it now: mpblock account sync --data %s %s\n", u.BaseURL, c.Data, c.AppID)
	}
	return nil
}

type accountPass struct {
	Where
	AppID  string   `arg:"" name:"appid" help:"The account, one with an upstream."`
	Allow  []string `help:"Path of a call that is passed on to the platform from now on, as /cgi-bin/user/info; may be given often." placeholder:"PATH"`
	Forbid []string `help:"Path that is not passed on any more; or all." placeholder:"PATH"`
}

// Run changes what is passed on of an account's calls.
func (c accountPass) Run(ctx context.Context, t ui.Terminal) error {
	u, err := admin.Dial(c.Data).SetUpstream(ctx, c.AppID, upstream.Settings{Allow: c.Allow, Forbid: c.Forbid})
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(u)
	}
	printPassed(t, u)
	return nil
}

func printPassed(t ui.Terminal, u admin.Upstream) {
	reads := "answered from what was read last"
	if u.Fresh {
		reads = "passed on"
	}
	t.Printf("lists       %s\n", reads)
	if f := u.Followers; u.MirrorFollowers {
		state := "not read yet"
		if !f.Synced.IsZero() {
			state = "read " + ui.Local(f.Synced)
		}
		if f.Problem != "" {
			state += ", since then: " + f.Problem
		}
		if f.Held != nil {
			state += fmt.Sprintf("; a list that lacks %d of those here was not believed", f.Held.Removed)
		}
		t.Printf("mirrored    followers, %s\n", state)
	}
	for _, p := range u.Paths {
		t.Printf("passed on   %s\n", p)
	}
}

type accountSync struct {
	Where
	AppID string `arg:"" name:"appid" help:"The account, one with an upstream."`
	Sure  bool   `help:"Take over a list that has shrunk by so much that it was not believed."`

	Followers bool `help:"Read the followers instead of the blacklist; the platform lets that be done 500 times a day, 10,000 at a time."`
}

// Run reads an account's list on the platform.
func (c accountSync) Run(ctx context.Context, t ui.Terminal) error {
	u, err := admin.Dial(c.Data).Sync(ctx, c.AppID, admin.SyncRequest{Sure: c.Sure, Followers: c.Followers})
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(u)
	}
	if c.Followers {
		return c.printFollowers(t, u)
	}
	printSync(t, c.AppID, u)
	if u.Held != nil {
		return ui.Failed(ui.CodePartly, "look at the list there; mpblock account sync --data "+c.Data+" "+c.AppID+" --sure takes it over",
			"%s would be unblocked here, and %s blocked: nobody is until somebody is sure", ui.Many(u.Held.Removed, "person"), ui.Grouped(u.Held.Added))
	}
	return nil
}

func (c accountSync) printFollowers(t ui.Terminal, u admin.Upstream) error {
	f := u.Followers
	if f.Held != nil {
		return ui.Failed(ui.CodePartly, "look at the followers there; mpblock account sync --data "+c.Data+" "+c.AppID+" --followers --sure takes them over",
			"%s would be taken off here: nobody is until somebody is sure", ui.Many(f.Held.Removed, "follower"))
	}
	t.Printf("%s: read %s on %s; %s joined and %s left\n", c.AppID, ui.Many(f.Total, "follower"), u.BaseURL, ui.Grouped(f.Joined), ui.Grouped(f.Left))
	return nil
}

type accountBudget struct {
	Where
	AppID  string `arg:"" name:"appid" help:"The account, one with an upstream."`
	Day    *int   `help:"Calls a day, of UTC+8, of each of getblacklist, batchblacklist and batchunblacklist; 0: what the platform says, as account doctor has read it, else no limit. Jobs leave a part to people." placeholder:"N"`
	Minute *int   `help:"Calls a minute, likewise." placeholder:"N"`
}

// change changes the limits that are given; the others stay. It tells whether any is.
func (c accountBudget) change(l *budget.Limits) bool {
	if c.Day != nil {
		l.Day = *c.Day
	}
	if c.Minute != nil {
		l.Minute = *c.Minute
	}
	return c.Day != nil || c.Minute != nil
}

// Run sets an account's budget, or prints it where no limit is given.
func (c accountBudget) Run(ctx context.Context, t ui.Terminal) error {
	u, err := admin.Dial(c.Data).Upstream(ctx, c.AppID)
	if err == nil && c.change(&u.Limits) {
		u, err = admin.Dial(c.Data).Budget(ctx, c.AppID, u.Limits)
	}
	if err != nil {
		return c.Explain(err)
	}
	if c.JSON {
		return t.JSON(u)
	}
	printBudget(t, u)
	return nil
}

// each names a limit of each call; 0: it has none.
func each(n budget.Calls) string {
	var all []string
	for _, c := range []budget.Call{budget.Block, budget.Unblock, budget.List} {
		if n[c] == 0 {
			all = append(all, "any")
		} else {
			all = append(all, ui.Grouped(n[c]))
		}
	}
	if len(slices.Compact(slices.Clone(all))) == 1 {
		return all[0]
	}
	return strings.Join(all, ", ")
}

// printBudget prints what was used of a day's calls.
func printBudget(t ui.Terminal, u admin.UpstreamState) {
	limit := "no limit"
	if n := u.Limits.Day; n > 0 {
		limit = "of " + ui.Grouped(n) + " each"
	} else if n := u.Told.Day; n != (budget.Calls{}) {
		limit = "of " + each(n) + ", as the platform says"
	}
	if n := u.Limits.Minute; n > 0 {
		limit += ", " + ui.Grouped(n) + " a minute"
	} else if n := u.Told.Minute; n != (budget.Calls{}) {
		limit += "; a minute " + each(n) + ", as the platform says"
	}
	t.Printf("calls       today %s that block, %s that unblock, %s that read (%s)\n", ui.Grouped(u.Used.OfDay[budget.Block]),
		ui.Grouped(u.Used.OfDay[budget.Unblock]), ui.Grouped(u.Used.OfDay[budget.List]), limit)
}

func printSync(t ui.Terminal, app string, u admin.Upstream) {
	if u.Held != nil {
		t.Printf("%s: the list on %s was not taken over. %s\n", app, u.BaseURL, heldText(*u.Held))
		return
	}
	if u.FirstReading() {
		t.Printf("%s: read %s blocked on %s for the first time; %s of them are new here, and %s are not blocked here any more\n",
			app, ui.Grouped(u.Total), u.BaseURL, ui.Grouped(u.Added), ui.Grouped(u.Removed))
	} else {
		t.Printf("%s: read %s blocked on %s; others have blocked %s and unblocked %s there\n",
			app, ui.Grouped(u.Total), u.BaseURL, ui.Grouped(u.Added), ui.Grouped(u.Removed))
	}
	if u.Unlisted > 0 {
		t.Printf("%d of them are no OpenIDs as this program knows them, and are not held here\n", u.Unlisted)
	}
}

// heldText says why a list was not taken over.
func heldText(h upstream.Held) string {
	key, args := h.Words()
	return i18n.English.Say(i18n.Msg(key), args...)
}

// printUpstream prints where an account's list lies, in account show.
func printUpstream(t ui.Terminal, u admin.UpstreamState) {
	state := "never read"
	if !u.Synced.IsZero() {
		state = "read " + ui.Local(u.Synced)
	}
	if !u.Moved.IsZero() {
		state += ", and not yet since it lies there"
	}
	if u.Problem != "" {
		state += ", since then: " + u.Problem
	}
	if u.Held != nil {
		state += "; a later list was not believed: mpblock account sync --sure takes it over. " + heldText(*u.Held)
	}
	t.Printf("upstream    %s (%s)\n", u.BaseURL, state)
	if u.Tokens != "" {
		t.Printf("tokens      %s\n", u.Tokens)
	}
	if in := u.Unsettled; in != nil {
		t.Printf("under way   %v of %s by %s, since %s\n", in.Action, ui.Many(in.OpenIDs, "OpenID"), in.Actor, ui.Local(in.Since))
		if !in.Again.IsZero() {
			t.Printf("            what became of it could not be read: the list is read again at %s\n", ui.Local(in.Again))
		}
	}
	if u.Holder != "" {
		t.Printf("worked on   by the node %s\n", u.Holder)
	}
	printBudget(t, u)
	printPassed(t, u.Upstream)
}

// warnPlain says what plain tokens do to others.
func warnPlain(t ui.Terminal, tokens source.Spec) {
	if tokens.Plain {
		fmt.Fprintln(t.Err, "Careful: each token got at /cgi-bin/token ends, after 5 minutes, the one that any other program has. Give no program but this server the secret.")
	}
}
