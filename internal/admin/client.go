package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"syscall"

	"mpblock"
)

// Client administers the server of a data directory.
type Client struct {
	dir  string
	http *http.Client
}

// Dial returns a client for the server of a data directory. It connects when it is
// used: its methods fail with ErrNoServer where no server runs.
func Dial(dir string) *Client {
	dir = filepath.Clean(dir)
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			path, done, err := openSocketDir(dir)
			if err != nil {
				return nil, err
			}
			defer done()
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}}
}

// do sends a request and reads its answer. What the server refuses is an
// *mpblock.Error of the server's kind and key, with its own words.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://mpblock"+path, &body)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	if res.StatusCode != http.StatusOK {
		var p problem
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
			return fmt.Errorf("the server answers %s: %w", res.Status, err)
		}
		return &mpblock.Error{Kind: p.Kind, Key: p.Key, Text: "%s", Args: []any{p.Error}}
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the made-up URL
	}
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s is no directory: %w", c.dir, ErrNoServer)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", c.dir, ErrNoServer)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s belongs to another user: %w", filepath.Join(c.dir, SocketName), fs.ErrPermission)
	}
	return fmt.Errorf("the server of %s did not answer: %w", c.dir, err)
}

// Add creates an account.
func (c *Client) Add(ctx context.Context, n NewAccount) (a Created, err error) {
	err = c.do(ctx, http.MethodPost, "/accounts", n, &a)
	return a, err
}

// List returns accounts with an AppID above after, in order; none where there are
// no more.
func (c *Client) List(ctx context.Context, after mpblock.AppID) (as []Account, err error) {
	err = c.do(ctx, http.MethodGet, "/accounts?after="+url.QueryEscape(string(after)), nil, &as)
	return as, err
}

// doAccount is do with what belongs to an account. It checks the AppID, which
// becomes a part of a path and might else lead elsewhere.
func (c *Client) doAccount(ctx context.Context, method, app, part string, in, out any) error {
	id, err := mpblock.ParseAppID(app)
	if err != nil {
		return err
	}
	return c.do(ctx, method, "/accounts/"+string(id)+part, in, out)
}

// Show returns an account.
func (c *Client) Show(ctx context.Context, app string) (a Account, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "", nil, &a)
	return a, err
}

// Set changes an account's settings and returns it.
func (c *Client) Set(ctx context.Context, app string, s Settings) (a Account, err error) {
	err = c.doAccount(ctx, http.MethodPatch, app, "", s, &a)
	return a, err
}

// Remove removes an account that is retired, with all that is kept of it.
func (c *Client) Remove(ctx context.Context, app string) error {
	return c.doAccount(ctx, http.MethodDelete, app, "", nil, &none{})
}

// RotateSecret gives an account a new secret and returns it.
func (c *Client) RotateSecret(ctx context.Context, app string) (string, error) {
	var s secretAnswer
	err := c.doAccount(ctx, http.MethodPost, app, "/secret", nil, &s)
	return s.Secret, err
}

// Follow registers up to mpblock.MaxWrite followers, all or none, and returns how
// many were new.
func (c *Client) Follow(ctx context.Context, app string, ids []mpblock.OpenID) (int, error) {
	in := idsBody{OpenIDs: make([]string, len(ids))}
	for i, id := range ids {
		in.OpenIDs[i] = id.String()
	}
	var out addedAnswer
	err := c.doAccount(ctx, http.MethodPost, app, "/followers", in, &out)
	return out.Added, err
}

// Remarks returns up to MaxRemarks remarks of OpenIDs above after, in order.
func (c *Client) Remarks(ctx context.Context, app, after string) (rows []Remark, err error) {
	err = c.doAccount(ctx, http.MethodGet, app, "/remarks?after="+url.QueryEscape(after), nil, &rows)
	return rows, err
}

// SetRemarks sets up to MaxRemarks names and remarks; what is empty leaves what is there.
func (c *Client) SetRemarks(ctx context.Context, app string, rows []Remark) error {
	return c.doAccount(ctx, http.MethodPost, app, "/remarks", remarksBody{rows}, &none{})
}

// Forget erases the remarks of OpenIDs and returns of how many there was one.
func (c *Client) Forget(ctx context.Context, app string, ids []string) (int, error) {
	var out forgottenAnswer
	err := c.doAccount(ctx, http.MethodPost, app, "/forgotten", idsBody{ids}, &out)
	return out.Forgotten, err
}

// Mint registers up to mpblock.MaxWrite new followers with OpenIDs of random users
// and returns them.
func (c *Client) Mint(ctx context.Context, app string, n int) ([]string, error) {
	var out idsBody
	err := c.doAccount(ctx, http.MethodPost, app, "/minted", countBody{n}, &out)
	return out.OpenIDs, err
}

// Backup copies the store to a directory, given by its absolute path, that must
// not exist.
func (c *Client) Backup(ctx context.Context, dir string) error {
	return c.do(ctx, http.MethodPost, "/backup", dirBody{dir}, &none{})
}
