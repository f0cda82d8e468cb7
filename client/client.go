// Package client calls the blacklist API of a WeChat-style Official Account
// platform: that of mpblock, and that of the real service alike.
//
//	c, err := client.New(appID, secret, client.WithBaseURL("http://127.0.0.1:8080"))
//	...
//	for id, err := range c.All(ctx) { ... }   // who is blocked
//	err = c.Block(ctx, ids...)                // 1 to 20 at a time, all or none
//
// A Client gets and renews its access token by itself, from stable_token unless
// told otherwise, and is safe for concurrent use.
//
// # What is tried again
//
// Only what is safe: an answer of -1, a connection that could not be made, once a
// call whose token turned out bad, and for reads also an answer that was lost. A
// Block or Unblock whose answer was lost is never sent again: it may have
// happened, and the error, an *UnknownOutcomeError, says so. To read the list
// settles it.
//
// # Errors
//
// A refusal of the server is an *Error; errors.Is holds it against ErrInvalidOpenID
// and the others by its code. No error holds a secret or an access token.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// MaxBatch is how many OpenIDs one call blocks or unblocks at most, as the
// platform's documentation has it.
const MaxBatch = 20

// DefaultBaseURL is where the real service is.
const DefaultBaseURL = "https://api.weixin.qq.com"

// maxAnswer is how long an answer may be; a page of 10,000 OpenIDs has 310 KB.
const maxAnswer = 16 << 20

// OpenID names a user towards one account, as the server wrote it. The platform
// documents no form of it, so a Client does not insist on one.
type OpenID string

// Client calls the API for one account.
type Client struct {
	base    string
	appID   string
	secret  string
	http    *http.Client
	tokens  tokens
	retries int
	pace    time.Duration
	paceMu  sync.Mutex
	next    time.Time // when the next call may be made
}

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
		c.base = strings.TrimSuffix(base, "/")
		return nil
	}
}

// WithHTTPClient sets what requests are made with. The default has a timeout of
// 30 s.
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

// WithTokenFile keeps the access token in a file that several processes share, so
// that one of them renews it for all. The file is its owner's alone.
func WithTokenFile(name string) Option {
	return func(c *Client) error { c.tokens.file = name; return nil }
}

// WithPace lets at least so much time pass between two calls.
func WithPace(d time.Duration) Option {
	return func(c *Client) error { c.pace = d; return nil }
}

// WithRetries sets how often a call is tried again where that is safe, 3 by
// default, with pauses that grow from a quarter of a second.
func WithRetries(n int) Option {
	return func(c *Client) error { c.retries = n; return nil }
}

const firstPause = 250 * time.Millisecond

// New returns a client for an account. It makes no call.
func New(appID, secret string, options ...Option) (*Client, error) {
	c := &Client{base: DefaultBaseURL, appID: appID, secret: secret, http: &http.Client{Timeout: 30 * time.Second}, retries: 3}
	for _, o := range options {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	if c.tokens.fixed == "" && (appID == "" || secret == "") {
		return nil, errors.New("client: the AppID or the secret is empty")
	}
	return c, nil
}

// Page is a piece of the blacklist.
type Page struct {
	Total   int // length of the whole list
	Count   int // length of OpenIDs
	OpenIDs []OpenID
	Next    OpenID // the cursor of the next page, empty behind the last
}

// List returns the page behind a cursor, "" for the head: up to 10,000 OpenIDs,
// which the server decides.
func (c *Client) List(ctx context.Context, after OpenID) (Page, error) {
	var a struct {
		Total int `json:"total"`
		Count int `json:"count"`
		Data  struct {
			OpenID []OpenID `json:"openid"`
		} `json:"data"`
		Next OpenID `json:"next_openid"`
	}
	err := c.call(ctx, "getblacklist", map[string]any{"begin_openid": after}, &a, true)
	if err != nil {
		return Page{}, err
	}
	return Page{Total: a.Total, Count: a.Count, OpenIDs: a.Data.OpenID, Next: a.Next}, nil
}

// All walks the blacklist to its end, which is a page with nothing in it or without
// a cursor; the total does not end it, since the list may change meanwhile. What
// stays on the list during the walk is returned exactly once, if the server keeps
// one order as mpblock does. An error ends it.
func (c *Client) All(ctx context.Context) iter.Seq2[OpenID, error] {
	return func(yield func(OpenID, error) bool) {
		after := OpenID("")
		seen := map[OpenID]bool{} // cursors, which must not come back
		for {
			p, err := c.List(ctx, after)
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range p.OpenIDs {
				if id != after && !yield(id, nil) { // a server whose cursor is inclusive repeats it
					return
				}
			}
			if len(p.OpenIDs) == 0 || p.Next == "" {
				return
			}
			if seen[p.Next] {
				yield("", fmt.Errorf("client: the server sends the cursor %s a second time", p.Next))
				return
			}
			seen[p.Next] = true
			after = p.Next
		}
	}
}

// Block blocks 1 to MaxBatch followers, all or none.
func (c *Client) Block(ctx context.Context, ids ...OpenID) error {
	return c.call(ctx, "batchblacklist", map[string]any{"openid_list": ids}, nil, false)
}

// Unblock unblocks 1 to MaxBatch users, all or none.
func (c *Client) Unblock(ctx context.Context, ids ...OpenID) error {
	return c.call(ctx, "batchunblacklist", map[string]any{"openid_list": ids}, nil, false)
}

// call makes a call of the blacklist with a token, and tries again what is safe.
// read tells that the call changes nothing.
func (c *Client) call(ctx context.Context, name string, in, out any, read bool) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	renewed := false
	for tries := 0; ; tries++ {
		token, err := c.tokens.get(ctx, c)
		if err != nil {
			return err
		}
		err = c.once(ctx, name, http.MethodPost, "/cgi-bin/tags/members/"+name+"?access_token="+url.QueryEscape(token), body, out)
		if (errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrTokenExpired)) && !renewed && c.tokens.fixed == "" {
			renewed = true
			c.tokens.discard(token)
			tries--
			continue
		}
		if err == nil || tries >= c.retries || !again(err, read) {
			return outcome(name, err, read)
		}
		if err := pause(ctx, firstPause<<tries); err != nil {
			return err
		}
	}
}

// lostError is an answer that did not come, or cannot be understood.
type lostError struct {
	err  error
	sent bool // the server may have got the request
}

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// again tells whether it is safe and sensible to make a call another time.
func again(err error, read bool) bool {
	var lost *lostError
	if errors.As(err, &lost) {
		return (read || !lost.sent) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return errors.Is(err, ErrSystem)
}

// outcome gives a lost answer its name.
func outcome(name string, err error, read bool) error {
	var lost *lostError
	switch {
	case !errors.As(err, &lost):
		return err
	case read || !lost.sent:
		return fmt.Errorf("client: %s: %w", name, lost.err)
	}
	return &UnknownOutcomeError{Call: name, Err: lost.err}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait keeps the pace.
func (c *Client) wait(ctx context.Context) error {
	if c.pace <= 0 {
		return nil
	}
	c.paceMu.Lock()
	now := time.Now()
	at := c.next
	if at.Before(now) {
		at = now
	}
	c.next = at.Add(c.pace)
	c.paceMu.Unlock()
	if at.Equal(now) {
		return nil
	}
	return pause(ctx, at.Sub(now))
}

// once makes one request and reads its answer into out.
func (c *Client) once(ctx context.Context, name, method, path string, body []byte, out any) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return errors.New("client: the request cannot be made") // its error shows the URL
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "mpblock")
	res, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which holds the token
		}
		return &lostError{err: err, sent: wasSent(err)}
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return &lostError{err: fmt.Errorf("the answer was cut: %w", err), sent: true}
	}
	return understand(name, res, text, out)
}

// understand reads an answer.
func understand(name string, res *http.Response, text []byte, out any) error {
	var a struct {
		Errcode *int   `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}
	err := json.Unmarshal(text, &a)
	if err == nil && a.Errcode != nil && *a.Errcode != 0 {
		return newError(name, *a.Errcode, a.Errmsg)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	if err == nil && out == nil && a.Errcode == nil {
		err = errors.New("it has no errcode")
	}
	if err != nil || res.StatusCode != http.StatusOK {
		return &lostError{err: fmt.Errorf("the answer is not that of the API: HTTP %s, %s, %d bytes", res.Status, res.Header.Get("Content-Type"), len(text)), sent: true}
	}
	return nil
}
