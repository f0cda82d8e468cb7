package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client speaks to a control door.
type Client struct{ base string }

// NewClient returns a client of the door at a base URL.
func NewClient(base string) *Client {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return &Client{strings.TrimRight(base, "/")}
}

// ErrNoDoor says that nobody answers as a control door.
var ErrNoDoor = errors.New("no emulator's control door answers")

// Do asks for something, and decodes the answer into out, a *[]byte for text as it is.
// In is the body: nil for none, a []byte as it is, anything else as JSON. An error of
// the door is its Problem's text.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	at := c.base + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w at %s: %w", ErrNoDoor, c.base, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrNoDoor, c.base, err)
	}
	if resp.StatusCode != http.StatusOK {
		var p Problem
		if json.Unmarshal(text, &p) != nil || p.Key == "" {
			return fmt.Errorf("%w at %s: it answers %s", ErrNoDoor, c.base, resp.Status)
		}
		return errors.New(p.Error)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = text
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%w at %s: %w", ErrNoDoor, c.base, err)
	}
	return nil
}
