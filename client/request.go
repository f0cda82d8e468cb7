package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// request is what once sends.
type request struct {
	name, method, path string
	body               []byte
	read               bool // it changes nothing
}

// once makes one request, reads its answer, and tells of it.
func (c *Client) once(ctx context.Context, q request) (answer, error) {
	if err := c.wait(ctx); err != nil {
		return answer{}, &lostError{err: err}
	}
	began := time.Now()
	a, err := c.ask(ctx, q)
	made := Made{Call: q.name, Took: time.Since(began)}
	var refused *Error
	if errors.As(err, &refused) {
		made.Code = refused.Code
	} else {
		made.Lost = err != nil
	}
	c.observe(made)
	return a, err
}

func (c *Client) ask(ctx context.Context, q request) (answer, error) {
	var t sent
	r, err := http.NewRequestWithContext(t.trace(ctx), q.method, c.base+q.path, bytes.NewReader(q.body))
	if err != nil {
		return answer{}, errors.New("client: the request cannot be made") // its error shows the URL
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "mpblock")
	res, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which holds the token
		}
		return answer{}, &lostError{err: err, sent: t.maybe()}
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, &lostError{err: fmt.Errorf("the answer was cut: %w", err), sent: true}
	}
	return c.understand(q, res, text)
}

// sent finds out whether a request can have left this machine: it cannot while its
// transport looks for a connection and has none.
type sent struct{ looked, got atomic.Bool }

func (s *sent) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.got.Store(true) },
	})
}

// maybe tells whether it may have been sent. A transport that says nothing may have
// done anything.
func (s *sent) maybe() bool { return s.got.Load() || !s.looked.Load() }

var errHTTPS = errors.New("the server speaks HTTPS, and was asked over HTTP")

// understand reads an answer.
func (c *Client) understand(q request, res *http.Response, text []byte) (answer, error) {
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return answer{}, &lostError{err: fmt.Errorf("the answer of %s is not that of the API: HTTP %s, a redirect, which is not followed: give the base URL that it leads to", c.base, res.Status), sent: true}
	}
	var a answer
	err := json.Unmarshal(text, &a)
	var wrongType *json.UnmarshalTypeError // of a field; the others have been read
	if (err == nil || errors.As(err, &wrongType)) && a.Errcode != nil && *a.Errcode != 0 {
		return answer{}, newError(q.name, *a.Errcode, a.Errmsg, res.Header.Get("X-Error-Detail"))
	}
	if err == nil && !q.read && a.Errcode == nil {
		err = errors.New("it has no errcode")
	}
	if bytes.Contains(text, []byte("HTTP request to an HTTPS server")) || bytes.Contains(text, []byte("HTTP request was sent to HTTPS port")) { // Go, nginx
		return answer{}, &lostError{err: errHTTPS}
	}
	if err != nil || res.StatusCode != http.StatusOK {
		return answer{}, &lostError{err: fmt.Errorf("the answer of %s is not that of the API: HTTP %s, %s, %d bytes", c.base, res.Status, res.Header.Get("Content-Type"), len(text)), sent: true}
	}
	a.text = text
	return a, nil
}
