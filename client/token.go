package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// renewBefore is how long before its end a token is renewed. A stable token is
// renewed by the server 5 minutes before its end.
const renewBefore = time.Minute

// tokens gets, keeps and renews the access token.
type tokens struct {
	fixed string // the caller's own
	plain bool   // from /cgi-bin/token
	file  string // shared with other processes

	turn chan struct{} // held by the one that renews, once made
	mu   sync.Mutex
	now  saved
}

// saved is a token and its end, as the shared file has it.
type saved struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	Bad     string    `json:"bad,omitempty"` // the token before, which the server refused
}

func (s saved) good() bool { return s.Token != "" && time.Until(s.Expires) > renewBefore }

// Token returns the access token that calls are made with.
func (c *Client) Token(ctx context.Context) (string, error) { return c.tokens.get(ctx, c) }

// get returns a good token; of many callers one renews it and the others wait.
func (t *tokens) get(ctx context.Context, c *Client) (string, error) {
	if t.fixed != "" {
		return t.fixed, nil
	}
	if s := t.current(); s.good() {
		return s.Token, nil
	}
	t.mu.Lock()
	if t.turn == nil {
		t.turn = make(chan struct{}, 1)
	}
	t.mu.Unlock()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	s := t.current()
	if s.good() {
		return s.Token, nil
	}
	next, err := t.renew(ctx, c, s.Bad)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	t.now = next
	t.mu.Unlock()
	return next.Token, nil
}

func (t *tokens) current() saved {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// discard forgets a token that the server has refused, unless it has been renewed
// meanwhile.
func (t *tokens) discard(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.Token == token {
		t.now = saved{Bad: token}
	}
}

// renew takes the token of the shared file, if another process has renewed it, or
// asks the server.
func (t *tokens) renew(ctx context.Context, c *Client, bad string) (saved, error) {
	if t.file == "" {
		return t.fetch(ctx, c)
	}
	unlock, err := lockTokenFile(ctx, t.file+".lock")
	if err != nil {
		return saved{}, fmt.Errorf("client: the lock of the token file: %w", err)
	}
	defer unlock()
	var s saved
	b, err := os.ReadFile(t.file)
	if err == nil {
		_ = json.Unmarshal(b, &s) // what cannot be read is written anew
	} else if !errors.Is(err, os.ErrNotExist) {
		return saved{}, fmt.Errorf("client: the token file: %w", err)
	}
	if s.good() && s.Token != bad {
		return s, nil
	}
	if s, err = t.fetch(ctx, c); err != nil {
		return saved{}, err
	}
	if b, err = json.Marshal(s); err == nil {
		temp := t.file + ".new"
		if err = os.WriteFile(temp, b, 0o600); err == nil {
			err = os.Rename(temp, t.file)
		}
	}
	if err != nil {
		return saved{}, fmt.Errorf("client: the token file: %w", err)
	}
	return s, nil
}

// fetch asks the server for a token, and again where that is safe.
func (t *tokens) fetch(ctx context.Context, c *Client) (saved, error) {
	method, name, path, body := http.MethodPost, "stable_token", "/cgi-bin/stable_token", []byte(nil)
	if t.plain {
		q := url.Values{"grant_type": {"client_credential"}, "appid": {c.appID}, "secret": {c.secret}}
		method, name, path = http.MethodGet, "token", "/cgi-bin/token?"+q.Encode()
	} else {
		var err error
		body, err = json.Marshal(map[string]any{"grant_type": "client_credential", "appid": c.appID, "secret": c.secret, "force_refresh": false})
		if err != nil {
			return saved{}, err
		}
	}
	for tries := 0; ; tries++ {
		var a struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
		}
		err := c.once(ctx, name, method, path, body, &a)
		if err == nil && a.AccessToken == "" {
			err = fmt.Errorf("client: %s: the answer has no access token", name)
		}
		if err == nil {
			return saved{Token: a.AccessToken, Expires: time.Now().Add(time.Duration(a.ExpiresIn) * time.Second)}, nil
		}
		if tries >= c.retries || !again(err, true) {
			return saved{}, outcome(name, err, true)
		}
		if err := pause(ctx, firstPause<<tries); err != nil {
			return saved{}, err
		}
	}
}
