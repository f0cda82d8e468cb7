package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// renewBefore is how long before its end a token is renewed. A stable token is
// renewed by the server 5 minutes before its end.
const renewBefore = time.Minute

// A TokenSource gives access tokens that somebody else renews: a token server, a file, a
// database. A Client asks it before each call, so it keeps what it has got for as long as
// it may. It is safe for concurrent use, and neither logs a token nor has one in an error.
type TokenSource interface {
	// Token returns an access token. Refused is "", or a token of this source that the
	// server has just refused: then another is wanted, once for each call. Where there
	// is no other, the same one may be returned, which ends the call.
	Token(ctx context.Context, refused string) (string, error)
}

// tokens gets, keeps and renews the access token.
type tokens struct {
	fixed string // the caller's own
	plain bool   // from /cgi-bin/token
	file  string // shared with other processes

	source TokenSource // who has them; nil: they are got with the secret

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
func (c *Client) Token(ctx context.Context) (string, error) { return c.tokens.get(ctx, c, "") }

// RenewToken returns another access token in the place of one that the server has
// refused: for who makes calls of his own with the tokens of a Client.
func (c *Client) RenewToken(ctx context.Context, refused string) (string, error) {
	c.tokens.discard(refused)
	return c.tokens.get(ctx, c, refused)
}

// others tells whether tokens come without the secret.
func (t *tokens) others() bool { return t.fixed != "" || t.source != nil }

// get returns a good token; of many callers one renews it and the others wait. Refused is
// one that has just turned out dead, and has been discarded.
func (t *tokens) get(ctx context.Context, c *Client, refused string) (string, error) {
	if t.fixed != "" {
		return t.fixed, nil
	}
	if t.source != nil {
		token, err := t.source.Token(ctx, refused)
		if err == nil && token == "" {
			err = errors.New("the token source has no token")
		}
		if err != nil {
			return "", fmt.Errorf("client: %w", err)
		}
		return token, nil
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
// asks the server. What is wrong with the file is told of, and fails nothing.
func (t *tokens) renew(ctx context.Context, c *Client, bad string) (saved, error) {
	if t.file == "" {
		return t.fetch(ctx, c)
	}
	unlock, err := lockTokenFile(ctx, t.file+".lock")
	switch {
	case ctx.Err() != nil:
		return saved{}, ctx.Err()
	case err != nil:
		c.warn(fmt.Errorf("client: the lock of the token file: %w", err))
	default:
		defer unlock()
	}
	s, err := readTokenFile(t.file)
	if err != nil {
		c.warn(fmt.Errorf("client: read the token file: %w", err))
	}
	if s.good() && s.Token != bad {
		return s, nil
	}
	if s, err = t.fetch(ctx, c); err != nil {
		return saved{}, err
	}
	if err := writeTokenFile(t.file, s); err != nil {
		c.warn(fmt.Errorf("client: write the token file: %w", err))
	}
	return s, nil
}

// readTokenFile reads the shared file. One that is not there, or holds something
// else, has no token and will be written anew.
func readTokenFile(name string) (s saved, err error) {
	f, err := os.OpenFile(name, os.O_RDONLY|noFollow, 0) //nolint:gosec // the caller names it
	if errors.Is(err, os.ErrNotExist) {
		return saved{}, nil
	}
	if err != nil {
		return saved{}, err
	}
	defer f.Close() //nolint:errcheck // it was read
	info, err := f.Stat()
	if err != nil {
		return saved{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return saved{}, err
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxAnswer))
	if err != nil || json.Unmarshal(b, &s) != nil {
		return saved{}, err
	}
	return s, nil
}

// writeTokenFile replaces the shared file, and whatever has its name, by a new one.
func writeTokenFile(name string, s saved) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// fetch asks the server for a token, and again where that is safe.
func (t *tokens) fetch(ctx context.Context, c *Client) (saved, error) {
	q := request{name: "stable_token", method: http.MethodPost, path: "/cgi-bin/stable_token", read: true}
	if t.plain {
		values := url.Values{"grant_type": {"client_credential"}, "appid": {c.appID}, "secret": {c.secret}}
		q.name, q.method, q.path = "token", http.MethodGet, "/cgi-bin/token?"+values.Encode()
	} else {
		var err error
		q.body, err = json.Marshal(map[string]any{"grant_type": "client_credential", "appid": c.appID, "secret": c.secret, "force_refresh": false})
		if err != nil {
			return saved{}, err
		}
	}
	for tries := 0; ; tries++ {
		a, err := c.once(ctx, q)
		if err == nil && a.AccessToken == "" {
			err = fmt.Errorf("client: %s: the answer has no access token", q.name)
		}
		if err == nil {
			return saved{Token: a.AccessToken, Expires: time.Now().Add(time.Duration(a.ExpiresIn) * time.Second)}, nil
		}
		if tries >= c.retries || !again(err, true) {
			return saved{}, outcome(q.name, err, true)
		}
		if err := rest(ctx, tries); err != nil {
			return saved{}, err
		}
	}
}
