package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"mpblock/client"
)

// remote is the flags of the commands that speak to a server over its API, as any
// client does: mpblock's or the real one.
type remote struct {
	Server     string        `required:"" help:"Base URL of the server: http://127.0.0.1:8080, or https://api.weixin.qq.com for the real service." env:"MPBLOCK_SERVER" placeholder:"URL"`
	AppID      string        `name:"appid" required:"" help:"AppID of the account." env:"MPBLOCK_APPID"`
	SecretFile string        `help:"File with the account's secret; or the secret itself in $$MPBLOCK_SECRET." env:"MPBLOCK_SECRET_FILE" placeholder:"FILE"`
	TokenFile  string        `help:"File in which several processes share the access token." env:"MPBLOCK_TOKEN_FILE" placeholder:"FILE"`
	PlainToken bool          `help:"Use /cgi-bin/token instead of stable_token; it supersedes the tokens of others."`
	Pace       time.Duration `help:"At least so much time between two calls." default:"0s"`
	Secret     string        `hidden:""`
}

// dial returns a client for the flags.
func (r remote) dial() (*client.Client, error) {
	if r.Secret != "" {
		return nil, failed(codeUsage, "put it into a file that only you can read, and name that: --secret-file FILE", "a secret on the command line can be seen by everyone on this machine")
	}
	secret, err := r.readSecret()
	if err != nil {
		return nil, err
	}
	options := []client.Option{client.WithBaseURL(r.Server), client.WithPace(r.Pace)}
	if r.TokenFile != "" {
		options = append(options, client.WithTokenFile(r.TokenFile))
	}
	if r.PlainToken {
		options = append(options, client.WithPlainToken())
	}
	c, err := client.New(r.AppID, secret, options...)
	if err != nil {
		return nil, failure{code: codeUsage, err: err}
	}
	return c, nil
}

func (r remote) readSecret() (string, error) {
	if r.SecretFile == "" {
		if s := os.Getenv("MPBLOCK_SECRET"); s != "" {
			return s, nil
		}
		return "", failed(codeUsage, "put it into a file that only you can read, and name that: --secret-file FILE", "the account's secret is missing")
	}
	b, err := os.ReadFile(r.SecretFile)
	if err != nil {
		return "", failed(codeUsage, "", "the file with the secret: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// explainRemote adds to an error of the API its exit code and what to do.
func explainRemote(err error) error {
	var refused *client.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return failed(codeCancelled, "", "cancelled")
	case errors.Is(err, client.ErrInvalidAppID), errors.Is(err, client.ErrInvalidSecret):
		return failure{code: codeRefused, err: err, hint: "check --server, --appid and the secret"}
	case errors.Is(err, client.ErrIPNotAllowed):
		return failure{code: codeRefused, err: err, hint: "add this machine's address to the account's allow-list"}
	case errors.As(err, &refused):
		return failure{code: codeRefused, err: err}
	}
	return err
}
