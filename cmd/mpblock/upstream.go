package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/admin"
)

// upstreamFlags say that an account's list lies on the real platform.
type upstreamFlags struct {
	Upstream           string `help:"Base URL of the API on which its blacklist lies, as https://api.weixin.qq.com: this server is then in front of it." placeholder:"URL"`
	UpstreamSecretFile string `help:"File with the account's secret there; it is kept sealed." placeholder:"FILE" type:"existingfile"`
	UpstreamPlainToken bool   `help:"Ask for tokens at /cgi-bin/token there, which ends those of other programs, instead of stable_token."`
}

// upstream returns what the flags say; nil: the list lies here.
func (f upstreamFlags) upstream(appid string) (*admin.NewUpstream, error) {
	const example = "mpblock account add --appid wx… --upstream https://api.weixin.qq.com --upstream-secret-file FILE"
	switch {
	case f.Upstream == "" && (f.UpstreamSecretFile != "" || f.UpstreamPlainToken):
		return nil, ui.Failed(ui.CodeUsage, example, "--upstream is missing")
	case f.Upstream == "":
		return nil, nil //nolint:nilnil // there is none
	case appid == "" || f.UpstreamSecretFile == "":
		return nil, ui.Failed(ui.CodeUsage, example, "an account with --upstream wants its --appid there, and --upstream-secret-file")
	}
	text, err := os.ReadFile(f.UpstreamSecretFile)
	if err != nil {
		return nil, ui.Failed(ui.CodeUsage, "", "the file with the secret: %w", err)
	}
	return &admin.NewUpstream{URL: f.Upstream, Secret: strings.TrimSpace(ui.FileSecret(text)), Plain: f.UpstreamPlainToken}, nil
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

type accountSyncCmd struct {
	where
	AppID string `arg:"" name:"appid" help:"The account, one with an upstream."`
	Sure  bool   `help:"Take over a list that has shrunk by so much that it was not believed."`
}

// Run reads an account's list on the platform.
func (c accountSyncCmd) Run(ctx context.Context, t ui.Terminal) error {
	u, err := admin.Dial(c.Data).Sync(ctx, c.AppID, c.Sure)
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return t.JSON(u)
	}
	printSync(t, c.AppID, u)
	if u.Held != nil {
		return ui.Failed(ui.CodePartly, "look at the list there; mpblock account sync "+c.AppID+" --sure takes it over",
			"%s there would be unblocked here: nobody is until somebody is sure", ui.Many(u.Held.Removed, "person who is no longer listed"))
	}
	return nil
}

func printSync(t ui.Terminal, app string, u admin.Upstream) {
	if u.Held != nil {
		t.Printf("%s: the list on %s has %s now, and has shrunk too much to be believed\n", app, u.BaseURL, ui.Many(u.Held.Total, "entry"))
		return
	}
	t.Printf("%s: read %s blocked on %s; others have blocked %s and unblocked %s there\n",
		app, ui.Grouped(u.Total), u.BaseURL, ui.Grouped(u.Added), ui.Grouped(u.Removed))
	if u.Unlisted > 0 {
		t.Printf("%d of them are no OpenIDs as this program knows them, and are not held here\n", u.Unlisted)
	}
}

// printUpstream prints where an account's list lies, in account show.
func printUpstream(t ui.Terminal, u admin.Upstream) {
	state := "never read"
	if !u.Synced.IsZero() {
		state = "read " + ui.Local(u.Synced)
	}
	if u.Problem != "" {
		state += ", since then: " + u.Problem
	}
	if u.Held != nil {
		state += fmt.Sprintf("; a list that lacks %d of those blocked here was not believed: mpblock account sync --sure takes it over", u.Held.Removed)
	}
	t.Printf("upstream    %s (%s)\n", u.BaseURL, state)
}
