package overapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"mpblock/client"
	"mpblock/cmd/mpblock/ui"
	"mpblock/native"
)

// remote is the flags of the commands that speak to a server over its API, as any
// client does: mpblock's or the real one.
type remote struct {
	Server string `required:"" help:"Base URL of the server: http://127.0.0.1:8080, or https://api.weixin.qq.com for the real service." env:"MPBLOCK_SERVER" placeholder:"URL"`
	AppID  string `name:"appid" required:"" help:"AppID of the account." env:"MPBLOCK_APPID"`
	profileFlag
	access
}

// access is how a server is called, and as whom.
type access struct {
	SecretFile string        `help:"File with the account's secret; or the secret itself in $$MPBLOCK_SECRET." env:"MPBLOCK_SECRET_FILE" placeholder:"FILE"`
	TokenFile  string        `help:"File in which several processes share the access token." env:"MPBLOCK_TOKEN_FILE" placeholder:"FILE"`
	PlainToken bool          `help:"Use /cgi-bin/token instead of stable_token; it supersedes the tokens of others."`
	Pace       time.Duration `help:"At least so much time between two calls." default:"0s"`
	Secret     string        `hidden:""`
}

// dial returns a client for the flags, and gives Server its proper form.
func (r *remote) dial(t ui.Terminal) (*client.Client, error) {
	if r.Secret != "" {
		return nil, ui.Failed(ui.CodeUsage, "put it into a file that only you can read, and name that: --secret-file FILE", "a secret on the command line can be seen by everyone on this machine")
	}
	var err error
	if r.Server, err = baseURL(r.Server); err != nil {
		return nil, err
	}
	secret, err := r.readSecret()
	if err != nil {
		return nil, err
	}
	options := []client.Option{client.WithBaseURL(r.Server), client.WithPace(r.Pace), client.WithWarnings(func(err error) { fmt.Fprintln(t.Err, ui.Printable(err.Error())) })}
	if r.TokenFile != "" {
		options = append(options, client.WithTokenFile(r.TokenFile))
	}
	if r.PlainToken {
		options = append(options, client.WithPlainToken())
	}
	c, err := client.New(r.AppID, secret, options...)
	if err != nil {
		return nil, ui.Failure{Code: ui.CodeUsage, Err: err}
	}
	return c, nil
}

// baseURL returns the proper form of a base URL. One without a scheme is of this
// machine, or an error: the secret does not go over a network in the clear unless
// somebody says http.
func baseURL(s string) (string, error) {
	whole := s
	if !strings.Contains(s, "://") {
		whole = "http://" + s
	}
	u, err := url.Parse(whole)
	switch {
	case err != nil || u.Host == "":
		return "", ui.Failed(ui.CodeUsage, "", "%q is no base URL: want http://host or https://host", s)
	case whole != s && !thisMachine(u.Hostname()):
		return "", ui.Failed(ui.CodeUsage, "--server https://"+s, "%q is no base URL: want http://host or https://host", s)
	}
	whole = strings.TrimRight(whole, "/")
	if root, ok := strings.CutSuffix(whole, "/cgi-bin"); ok {
		return "", ui.Failed(ui.CodeUsage, "--server "+root, "%q is no base URL: every call begins with /cgi-bin already", s)
	}
	return whole, nil
}

func thisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (r access) readSecret() (string, error) {
	from, s := "MPBLOCK_SECRET", os.Getenv("MPBLOCK_SECRET")
	if r.SecretFile != "" {
		b, err := os.ReadFile(r.SecretFile)
		if err != nil {
			return "", ui.Failed(ui.CodeUsage, "", "the file with the secret: %w", err)
		}
		from, s = r.SecretFile, string(b)
	} else if s == "" {
		return "", ui.Failed(ui.CodeUsage, "put it into a file that only you can read, and name that: --secret-file FILE or MPBLOCK_SECRET_FILE", "the account's secret is missing")
	}
	if strings.HasPrefix(s, "\xff\xfe") || strings.HasPrefix(s, "\xfe\xff") {
		return "", ui.Failed(ui.CodeUsage, "iconv -f UTF-16 -t UTF-8", "the secret in %s is UTF-16, want UTF-8", from)
	}
	s = strings.TrimSpace(ui.FileSecret([]byte(s)))
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		return "", ui.Failed(ui.CodeUsage, "", "%s holds no secret: want one word", from)
	}
	return s, nil
}

// explainRemote adds to an error of the API its exit code and what to do.
func explainRemote(err error) error {
	var refused *client.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return ui.Failed(ui.CodeCancelled, "", "cancelled")
	case errors.Is(err, client.ErrInvalidAppID), errors.Is(err, client.ErrInvalidSecret):
		return ui.Failure{Code: ui.CodeRefused, Err: err, Hint: "check --server, --appid and the secret"}
	case errors.Is(err, client.ErrIPNotAllowed):
		return ui.Failure{Code: ui.CodeRefused, Err: err, Hint: "add this machine's address to the account's allow-list"}
	case errors.As(err, &refused):
		return ui.Failure{Code: ui.CodeRefused, Err: err}
	case errors.As(err, &untrusted):
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "if it is the right server, trust its certificate: SSL_CERT_FILE=FILE mpblock ..."}
	case errors.Is(err, http.ErrSchemeMismatch):
		return ui.Failure{Code: ui.CodeNoServer, Err: err, Hint: "--server http://…"}
	case strings.Contains(err.Error(), "the server speaks HTTPS"):
		return ui.Failure{Code: ui.CodeNoServer, Err: err, Hint: "--server https://…"}
	case strings.Contains(err.Error(), "is not that of the API"):
		return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "is --server right? want the address that mpblock serve says it is ready on"}
	case unreachable(err):
		return ui.Failure{Code: ui.CodeNoServer, Err: err, Hint: "is it running there? --server says where it is"}
	}
	return err
}

// denied tells whether a server refuses to work for these credentials, from this
// address, or for this account.
func denied(err error) bool {
	for _, why := range []error{client.ErrInvalidAppID, client.ErrInvalidSecret, client.ErrInvalidToken, client.ErrIPNotAllowed, client.ErrUnauthorized} {
		if errors.Is(err, why) {
			return true
		}
	}
	var refused *native.Error
	return errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden)
}

// unreachable tells whether an error says that no server was there, or none that
// answers.
func unreachable(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var late net.Error
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &late) && late.Timeout()
}
