package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"mpblock/internal/console"
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
			return failed(codeUsage, "mpblock serve --public-url https://blacklist.example.com", "--public-url %q: want a scheme and a host, and no path", c.PublicURL)
		}
		c.PublicURL = u.Scheme + "://" + u.Host
	}
	if (c.OIDCIssuer == "") != (c.OIDCClientID == "") {
		return failed(codeUsage, "mpblock serve --oidc-issuer URL --oidc-client-id ID --oidc-client-secret-file FILE", "--oidc-issuer and --oidc-client-id go together")
	}
	return nil
}

// oidc returns the provider, nil if there is none.
func (c *consoleFlags) oidc() (*console.OIDC, error) {
	if c.OIDCIssuer == "" {
		return nil, nil
	}
	o := &console.OIDC{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, Name: c.OIDCName}
	if c.OIDCClientSecret == "" { // a public client, which PKCE protects
		return o, nil
	}
	secret, err := os.ReadFile(c.OIDCClientSecret)
	if err != nil {
		return nil, fmt.Errorf("read the secret of the OpenID Connect client: %w", err)
	}
	o.ClientSecret = strings.TrimSpace(string(secret))
	return o, nil
}

// console returns the console.
func (s *server) console() (http.Handler, error) {
	provider, err := s.opts.oidc()
	if err != nil {
		return nil, err
	}
	return console.New(console.Options{
		Platform: s.platform, Public: s.opts.PublicURL, Demo: s.opts.Demo, OIDC: provider, Log: s.log,
		Secure: s.tls != nil || strings.HasPrefix(s.opts.PublicURL, "https://"),
	}), nil
}

// work runs what the platform does by itself until the server is closed.
func (s *server) work() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.platform.Run(ctx, func(err error) { s.log.Error("jobs and statistics", "error", err) })
	}()
	s.started = append(s.started, running{"jobs", func(stop context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stop.Done():
			return stop.Err()
		}
	}})
}

// invitation returns the link by which one gets into the console of a new store, or
// into that of the demo; "" where operators log in by themselves.
func (s *server) invitation(ctx context.Context, base string) (text string, err error) {
	if s.opts.PublicURL != "" {
		base = s.opts.PublicURL
	}
	if s.opts.Demo {
		token, err := s.platform.Demo(ctx)
		return "The console, already logged in (good once, for 15 minutes):\n  " + base + "/demo?token=" + url.QueryEscape(token) + "\n", err
	}
	token, err := s.platform.Setup(ctx)
	if token == "" || err != nil {
		return "", err
	}
	return "Create the first operator of the console here (good once, for 15 minutes):\n  " + base + "/welcome?token=" + url.QueryEscape(token) + "\n", nil
}
