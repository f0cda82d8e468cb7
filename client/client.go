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
// Only what is safe: an answer of -1, a call that was never sent because there was
// no connection, once a call whose token turned out bad, and for reads also an
// answer that was lost. A Block or Unblock that may have been sent, and whose answer
// was lost, is never sent again: it may have happened, and the error, an
// *UnknownOutcomeError, says so. To read the list settles it. No redirect is followed:
// it would take secret and token elsewhere.
//
// Whether a call was sent is known from net/http/httptrace. Behind a
// http.RoundTripper that does not call its hooks every call counts as sent.
//
// # Errors
//
// A refusal of the server is an *Error; errors.Is holds it against ErrInvalidOpenID
// and the others by its code. No error holds a secret or an access token.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
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
	key     string // of the token in a query
	observe func(Made)
	retries int
	pace    *rate.Limiter
	warn    func(error)
}

// rest pauses after so many tries.
func rest(ctx context.Context, tries int) error {
	const first, last = 250 * time.Millisecond, 30 * time.Second
	return pause(ctx, min(first<<min(tries, 10), last))
}

// New returns a client for an account. It makes no call.
func New(appID, secret string, options ...Option) (*Client, error) {
	c := &Client{base: DefaultBaseURL, appID: appID, secret: secret, http: &http.Client{Timeout: 30 * time.Second}, retries: 3,
		pace: rate.NewLimiter(rate.Inf, 1), warn: func(error) {}, key: "access_token", observe: func(Made) {}}
	for _, o := range options {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	if !c.tokens.others() && (appID == "" || secret == "") {
		return nil, errors.New("client: the AppID or the secret is empty")
	}
	own := *c.http
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // secrets and tokens are for this server
	c.http = &own
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
	a, err := c.call(ctx, "getblacklist", map[string]any{"begin_openid": after}, true)
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
				yield("", fmt.Errorf("client: the server sends the cursor %q a second time", p.Next))
				return
			}
			seen[p.Next] = true
			after = p.Next
		}
	}
}

// Block blocks 1 to MaxBatch followers, all or none.
func (c *Client) Block(ctx context.Context, ids ...OpenID) error {
	_, err := c.call(ctx, "batchblacklist", map[string]any{"openid_list": ids}, false)
	return err
}

// Unblock unblocks 1 to MaxBatch users, all or none.
func (c *Client) Unblock(ctx context.Context, ids ...OpenID) error {
	_, err := c.call(ctx, "batchunblacklist", map[string]any{"openid_list": ids}, false)
	return err
}

// Followers returns the page of followers behind a cursor, "" for the head: up to 10,000
// OpenIDs. The platform takes 500 such calls a day.
func (c *Client) Followers(ctx context.Context, after OpenID) (Page, error) {
	a, err := c.withToken(ctx, request{name: "user/get", method: http.MethodGet, path: "/cgi-bin/user/get?next_openid=" + url.QueryEscape(string(after)), read: true})
	if err != nil {
		return Page{}, err
	}
	return Page{Total: a.Total, Count: a.Count, OpenIDs: a.Data.OpenID, Next: a.Next}, nil
}

// Read makes a call that changes nothing and that Client has no method for, and stores
// its answer in out: path is what stands behind /cgi-bin/, with a query if it has one.
// With in it is a POST of it as JSON, else a GET. A refusal is an *Error, as ever.
func (c *Client) Read(ctx context.Context, path string, in, out any) error {
	name, _, _ := strings.Cut(path, "?")
	q := request{name: name, method: http.MethodGet, path: "/cgi-bin/" + path, read: true}
	if in != nil {
		q.method = http.MethodPost
		var err error
		if q.body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	a, err := c.withToken(ctx, q)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.text, out); err != nil {
		return fmt.Errorf("client: %s: the answer is not what was expected: %w", name, err)
	}
	return nil
}

// answer is all that an answer may hold.
type answer struct {
	Errcode *int   `json:"errcode"`
	Errmsg  string `json:"errmsg"`

	Total int `json:"total"`
	Count int `json:"count"`
	Data  struct {
		OpenID []OpenID `json:"openid"`
	} `json:"data"`
	Next OpenID `json:"next_openid"`

	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`

	text []byte // all of it
}

// call makes a call of the blacklist, read if it changes nothing.
func (c *Client) call(ctx context.Context, name string, in any, read bool) (answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return answer{}, err
	}
	return c.withToken(ctx, request{name: name, method: http.MethodPost, path: "/cgi-bin/tags/members/" + name, body: body, read: read})
}

// withToken makes a request with a token, and tries again what is safe.
func (c *Client) withToken(ctx context.Context, q request) (answer, error) {
	path, mark := q.path, "?"
	if strings.Contains(path, mark) {
		mark = "&"
	}
	refused, why := "", error(nil) // a token that turned out dead, which happens once
	for tries := 0; ; tries++ {
		token, err := c.tokens.get(ctx, c, refused)
		switch {
		case err != nil:
			return answer{}, errors.Join(err, why)
		case c.tokens.source != nil && token == refused && refused != "":
			return answer{}, fmt.Errorf("client: the token source has no other token than the one that was refused: %w", why)
		}
		q.path = path + mark + c.key + "=" + url.QueryEscape(token)
		a, err := c.once(ctx, q)
		if e := (*Error)(nil); errors.As(err, &e) && e.DeadToken() && refused == "" && c.tokens.fixed == "" {
			refused, why = token, err
			c.tokens.discard(token)
			tries--
			continue
		}
		if err == nil || tries >= c.retries || !again(err, q.read) {
			return a, outcome(q.name, err, q.read)
		}
		if err := rest(ctx, tries); err != nil {
			return answer{}, err
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
	return errors.Is(err, ErrSystem) || errors.Is(err, ErrBusy)
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

// wait keeps the pace. An error is that of the context.
func (c *Client) wait(ctx context.Context) error {
	err := c.pace.Wait(ctx)
	if err != nil && ctx.Err() == nil { // it does not wait for what would come too late
		return fmt.Errorf("the next call may be made too late: %w", context.DeadlineExceeded)
	}
	return err
}

// Forward sends a request that somebody else has written, with this token in the place of
// any that it has, and hands out the answer as it comes, which the caller closes. Of the
// request's URL path and query count, of its headers Content-Type and Accept. It is sent
// once: nothing is tried again, and no redirect is followed.
func (c *Client) Forward(ctx context.Context, token string, r *http.Request) (*http.Response, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	query := r.URL.Query()
	for key := range query {
		if strings.EqualFold(key, "access_token") || strings.EqualFold(key, c.key) {
			query.Del(key)
		}
	}
	query.Set(c.key, token)
	out, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.URL.EscapedPath()+"?"+query.Encode(), r.Body) //nolint:gosec // the host is the client's own
	if err != nil {
		return nil, errors.New("client: the request cannot be made") // its error shows the URL
	}
	out.ContentLength = r.ContentLength
	for _, name := range []string{"Content-Type", "Accept"} {
		if v := r.Header.Get(name); v != "" {
			out.Header.Set(name, v)
		}
	}
	out.Header.Set("User-Agent", "mpblock")
	res, err := c.http.Do(out) //nolint:gosec // likewise
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which holds the token
	}
	return res, err
}
