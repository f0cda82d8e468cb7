package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/console/sso"
	"mpblock/internal/server"
)

// consoleFlags are the flags of serve that concern the console alone.
type consoleFlags struct {
	PublicURL        string `help:"Where browsers find the console, if not at --listen: behind a proxy, or under a name." env:"MPBLOCK_PUBLIC_URL" placeholder:"URL"`
	OIDCIssuer       string `name:"oidc-issuer" help:"OpenID Connect provider that operators can log in with." env:"MPBLOCK_OIDC_ISSUER" placeholder:"URL"`
	OIDCClientID     string `name:"oidc-client-id" help:"Id of the console at the provider." env:"MPBLOCK_OIDC_CLIENT_ID" placeholder:"ID"`
	OIDCClientSecret string `name:"oidc-client-secret-file" help:"File that holds the secret of that id, and nothing else." env:"MPBLOCK_OIDC_CLIENT_SECRET_FILE" placeholder:"FILE" type:"existingfile"`
	OIDCName         string `name:"oidc-name" help:"What the login page calls the provider. Default: ${default}." default:"SSO" env:"MPBLOCK_OIDC_NAME" placeholder:"NAME"`
}

func (c *consoleFlags) validate() error {
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
			return ui.Failed(ui.CodeUsage, "mpblock serve --public-url https://blacklist.example.com", "--public-url %q: want a scheme and a host, and no path", c.PublicURL)
		}
		c.PublicURL = u.Scheme + "://" + u.Host
	}
	if (c.OIDCIssuer == "") != (c.OIDCClientID == "") {
		return ui.Failed(ui.CodeUsage, "mpblock serve --oidc-issuer URL --oidc-client-id ID --oidc-client-secret-file FILE", "--oidc-issuer and --oidc-client-id go together")
	}
	return nil
}

// oidc returns the provider, nil if there is none.
func (c *consoleFlags) oidc() (*sso.Provider, error) {
	if c.OIDCIssuer == "" {
		return nil, nil
	}
	o := &sso.Provider{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, Name: c.OIDCName}
	if c.OIDCClientSecret == "" { // a public client, which PKCE protects
		return o, nil
	}
	secret, err := os.ReadFile(c.OIDCClientSecret)
	if err != nil {
		return nil, fmt.Errorf("read the secret of the OpenID Connect client: %w", err)
	}
	o.ClientSecret = strings.TrimSpace(ui.FileSecret(secret))
	return o, nil
}

// invitation says by which link one gets into the console of a new store, or into
// that of the demo; "" where operators log in by themselves.
func (c *serveCmd) invitation(ctx context.Context, s *server.Server) (text string, err error) {
	path, err := s.Invite(ctx)
	base := s.Console()
	switch {
	case err != nil:
		return "", err
	case path == "" && c.Demo:
		return "The console, for the operators who log in by themselves:\n  " + base + "/\n", nil
	case path == "":
		return "", nil
	}
	what := "Create the first operator of the console here (good once, for 15 minutes)"
	if c.Demo {
		what = "The console, already logged in (as often as you like from this machine; from others once, within 15 minutes)"
	}
	return what + ":\n  " + base + path + "\n", nil
}
