package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Option is a setting of a Client.
type Option func(*Client) error

// WithBaseURL sets where the server is; a path in it is kept. The default is
// DefaultBaseURL.
func WithBaseURL(base string) Option {
	return func(c *Client) error {
		u, err := url.Parse(base)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
			return fmt.Errorf("client: %q is no base URL: want http://host or https://host", base)
		}
		c.base = strings.TrimRight(base, "/")
		if strings.HasSuffix(c.base, "/cgi-bin") {
			return fmt.Errorf("client: %q is no base URL: every call begins with /cgi-bin already, leave it out", base)
		}
		return nil
	}
}

// WithHTTPClient sets what requests are made with, but for redirects, which are not
// followed. The default has a timeout of 30 s.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) error { c.http = h; return nil }
}

// WithPlainToken gets access tokens from /cgi-bin/token, each of which supersedes
// the one before, instead of stable_token.
func WithPlainToken() Option {
	return func(c *Client) error { c.tokens.plain = true; return nil }
}

// WithToken sets an access token that the caller looks after: it is never renewed,
// and ErrInvalidToken or ErrTokenExpired comes back when it is bad.
func WithToken(token string) Option {
	return func(c *Client) error { c.tokens.fixed = token; return nil }
}

// WithTokenSource has access tokens come from somebody else, who renews them: AppID and
// secret are not needed then.
func WithTokenSource(s TokenSource) Option {
	return func(c *Client) error { c.tokens.source = s; return nil }
}

// WithTokenKey sets the name under which a query has the access token, access_token by
// default: programs in containers of the platform's own call with
// cloudbase_access_token.
func WithTokenKey(key string) Option {
	return func(c *Client) error {
		if key == "" || url.QueryEscape(key) != key {
			return fmt.Errorf("client: %q cannot be the key of a token in a query", key)
		}
		c.key = key
		return nil
	}
}

// WithTokenFile keeps the access token in a file that several processes share, so
// that one of them renews it for all. The file is its owner's alone, whatever it was
// before; a link in its place is not followed but replaced. Where the file cannot be
// used, calls go on with a token of their own: WithWarnings tells why.
func WithTokenFile(name string) Option {
	return func(c *Client) error { c.tokens.file = name; return nil }
}

// WithWarnings sets what is told of what went wrong and failed no call: a token file
// that cannot be read, locked or written. Without it nobody is. It may be called by
// several goroutines at a time.
func WithWarnings(warn func(error)) Option {
	return func(c *Client) error { c.warn = warn; return nil }
}

// Made is a call that a Client has made.
type Made struct {
	Call string // token, stable_token, getblacklist, ...
	Code int    // errcode; 0: it went well
	Lost bool   // no answer came that can be understood
	Took time.Duration
}

// WithObserver sets what is told of each call of the server after its answer, for metrics.
// It may be called by several goroutines at a time.
func WithObserver(observe func(Made)) Option {
	return func(c *Client) error { c.observe = observe; return nil }
}

// WithPace lets at least so much time pass between two calls.
func WithPace(d time.Duration) Option {
	return func(c *Client) error { c.pace = rate.NewLimiter(rate.Every(d), 1); return nil }
}

// WithRetries sets how often a call is tried again where that is safe, 3 by
// default, with pauses that grow from a quarter of a second to half a minute.
func WithRetries(n int) Option {
	return func(c *Client) error { c.retries = n; return nil }
}
