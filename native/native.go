// Package native calls the native API of an mpblock server, /v1, for one account: whether
// somebody is blocked, blocks with a reason and an end, and the feed of changes.
//
//	c, err := native.New("http://127.0.0.1:8080", appID, secret)
//	...
//	answers, err := c.Check(ctx, openID)
//	for changes, err := range c.Watch(ctx, revision) { ... }
//
// The secret is that of a program with the scopes that the calls take, or the account's. A
// Client gets and renews its access token by itself, and is safe for concurrent use. It
// makes each call once; what follows the feed goes on by itself after whatever passes.
// The real platform has no such API: there calls fail with an error that NoAPI knows.
package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mpblock/client"
)

// Client calls the native API for one account.
type Client struct {
	base   string
	appID  string
	http   *http.Client
	tokens Tokens
	report func(error)
}

// Tokens have the access tokens of an account; *client.Client is one.
type Tokens interface {
	Token(ctx context.Context) (string, error)

	// RenewToken returns another token in the place of one that was refused.
	RenewToken(ctx context.Context, refused string) (string, error)
}

// Option is a setting of a Client.
type Option func(*Client)

// WithHTTPClient has a client make the calls. Its Timeout must be 0: a stream has no end.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithTokens has the access tokens come from somebody else: no secret is needed then.
func WithTokens(t Tokens) Option { return func(c *Client) { c.tokens = t } }

// WithReport has a function told of errors after which Watch goes on. It must return soon.
func WithReport(report func(error)) Option { return func(c *Client) { c.report = report } }

// callTime is how long a call may take, and a stream until its first byte.
const callTime = 30 * time.Second

// New returns a client for an account of the server at a base URL, as https://mpblock.example.
// It makes no call.
func New(baseURL, appID, secret string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("native: the base URL is none of http or https: want one as https://mpblock.example")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // as net/http has it
	transport.ResponseHeaderTimeout = callTime
	c := &Client{base: base.String(), appID: appID, http: &http.Client{Transport: transport}, report: func(error) {}}
	for _, o := range options {
		o(c)
	}
	if appID == "" || secret == "" && c.tokens == nil {
		return nil, errors.New("native: the AppID or the secret is empty: want the account's AppID, and its secret or that of a program of it")
	}
	own := *c.http
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // tokens are for this server
	c.http = &own
	if c.tokens == nil {
		c.tokens, err = client.New(appID, secret, client.WithBaseURL(c.base), client.WithHTTPClient(c.http), client.WithRetries(0))
	}
	return c, err
}

// BaseURL returns where the server is.
func (c *Client) BaseURL() string { return c.base }

// AppID returns which account the calls are for.
func (c *Client) AppID() string { return c.appID }

// request is a call of the native API.
type request struct {
	method, path string // behind the account's
	query        url.Values
	body         []byte
	accept       string
}

// open makes a call, twice if the token is refused. Whoever gets an answer closes it.
func (c *Client) open(ctx context.Context, q request) (*http.Response, error) {
	token, err := c.token(ctx, "")
	for tries := 0; ; tries++ {
		if err != nil {
			return nil, err
		}
		resp, err := c.once(ctx, q, token)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode < 300 {
			return resp, nil
		}
		err = problemOf(resp)
		if resp.StatusCode != http.StatusUnauthorized || tries > 0 {
			return nil, err
		}
		token, err = c.token(ctx, token)
		if err != nil {
			return nil, err
		}
	}
}

// token returns an access token, another than one that was refused.
func (c *Client) token(ctx context.Context, refused string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if refused != "" {
		return c.tokens.RenewToken(ctx, refused)
	}
	return c.tokens.Token(ctx)
}

func (c *Client) once(ctx context.Context, q request, token string) (*http.Response, error) {
	address := c.base + "/v1/accounts/" + url.PathEscape(c.appID) + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", q.accept)
	r.Header.Set("User-Agent", "mpblock")
	if len(q.body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(r)
}

// call makes a call with in as its JSON, if it is not nil, and reads its answer into out.
func (c *Client) call(ctx context.Context, q request, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if in != nil {
		var err error
		if q.body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	q.accept = "application/json"
	resp, err := c.open(ctx, q)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Mpblock-Revision") == "" { // which each answer has
		return errNoAPI(resp)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Path, err)
	}
	return nil
}

// problemOf reads an answer that is an error, and closes it.
func problemOf(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	e := &Error{Status: resp.StatusCode}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/problem+json" && json.Unmarshal(body, e) == nil && e.Code != "" {
		return e
	}
	return errNoAPI(resp)
}

// errNoAPI is the error of an answer that the native API does not give.
func errNoAPI(resp *http.Response) error {
	return &Error{Status: resp.StatusCode, Detail: "that is no answer of the native API"}
}
