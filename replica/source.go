package replica

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// StatusError is an answer of the server that is none of those hoped for.
type StatusError struct {
	Status int    // of HTTP
	Code   string // of the problem, or "errcode 40125" where a token was refused
	Detail string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers %d %s: %s", e.Status, e.Code, e.Detail)
}

// source is the server.
type source struct {
	base, key, appID string
	client           *http.Client

	mu      sync.Mutex
	token   string
	expires time.Time
}

func newSource(base, key, appID string) *source {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // as net/http has it
	transport.ResponseHeaderTimeout = callTime
	return &source{base: base, key: key, appID: appID, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Times of calls.
const (
	callTime = 30 * time.Second
	silence  = 45 * time.Second // of a stream, after which it is taken for dead: three checkpoints
)

// passing are the return codes of a token's call that another try may not meet.
var passing = []int{-1, 45009, 45011}

// bearer returns an access token, another than one that was refused.
func (s *source) bearer(ctx context.Context, refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && s.token != refused && time.Now().Before(s.expires) {
		return s.token, nil
	}
	body, err := json.Marshal(map[string]string{"grant_type": "client_credential", "appid": s.appID, "secret": s.key})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/cgi-bin/stable_token", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	start := time.Now()
	var out struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		ErrCode     int    `json:"errcode"`
		ErrMsg      string `json:"errmsg"`
	}
	if err := s.do(req, &out); err != nil {
		return "", err
	}
	if out.AccessToken == "" {
		return "", &StatusError{statusOf(out.ErrCode), "errcode " + strconv.Itoa(out.ErrCode), out.ErrMsg}
	}
	s.token, s.expires = out.AccessToken, start.Add(time.Duration(out.ExpiresIn)*time.Second)
	return s.token, nil
}

// statusOf says of a return code whether another try may help.
func statusOf(code int) int {
	if slices.Contains(passing, code) {
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}

// open makes a call of the native API, twice if the token is refused.
func (s *source) open(ctx context.Context, path string, query url.Values, accept string) (*http.Response, error) {
	for refused := ""; ; {
		token, err := s.bearer(ctx, refused)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/v1/accounts/"+url.PathEscape(s.appID)+path+"?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept", accept)
		resp, err := s.client.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		err = problemOf(resp)
		if resp.StatusCode != http.StatusUnauthorized || refused != "" {
			return nil, err
		}
		refused = token
	}
}

// problemOf reads an answer that is an error, and closes it.
func problemOf(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	e := &StatusError{Status: resp.StatusCode}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	var p struct{ Code, Detail string }
	if json.Unmarshal(body, &p) == nil && p.Code != "" {
		e.Code, e.Detail = p.Code, p.Detail
	} else {
		e.Detail = http.StatusText(resp.StatusCode)
	}
	return e
}

// do makes a call whose answer is JSON.
func (s *source) do(req *http.Request, into any) error {
	resp, err := s.client.Do(req) //nolint:bodyclose // problemOf and decode close it
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return problemOf(resp)
	}
	return decode(resp, into)
}

func decode(resp *http.Response, into any) error {
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Path, err)
	}
	return nil
}

// call makes a call of the native API whose answer is JSON.
func (s *source) call(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := s.open(ctx, path, query, "application/json") //nolint:bodyclose // decode closes it
	if err != nil {
		return err
	}
	return decode(resp, into)
}

// head returns the revision of the list.
func (s *source) head(ctx context.Context) (uint64, error) {
	var out struct {
		Revision uint64 `json:"revision"`
	}
	err := s.call(ctx, "/changes", url.Values{"after": {"now"}, "limit": {"1"}}, &out)
	return out.Revision, err
}

// part is a part of the list, as it is read.
type part struct {
	OpenIDs     []string             `json:"openids"`
	ExpireTimes map[string]time.Time `json:"expire_times"`
	Total       int                  `json:"total"`
	Revision    uint64               `json:"revision"`
}

// walk returns a part of the list after an OpenID; one without OpenIDs is the end.
func (s *source) walk(ctx context.Context, after string) (p part, err error) {
	query := url.Values{"limit": {strconv.Itoa(partSize)}}
	if after != "" {
		query.Set("after", after)
	}
	return p, s.call(ctx, "/blocks:walk", query, &p)
}

// partSize is how many entries are read at once.
const partSize = 10_000

// Kinds of changes.
const (
	kindBlocked   = "blocked"
	kindAmended   = "amended"
	kindUnblocked = "unblocked"
	kindExpired   = "expired"
)

// change is a change as the feed tells of it.
type change struct {
	Revision    uint64               `json:"revision"`
	Kind        string               `json:"kind"`
	ExpireTime  time.Time            `json:"expire_time"`
	Undoes      uint64               `json:"undoes"`
	OpenIDs     []string             `json:"openids"`
	ExpireTimes map[string]time.Time `json:"expire_times"`
}

// end returns when the entry of an OpenID ends after the change, in milliseconds.
func (c *change) end(openID string) int64 {
	end := c.ExpireTime
	if c.Undoes != 0 {
		end = c.ExpireTimes[openID]
	}
	return milli(end)
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// isGone tells whether an error says that nobody can go on after a revision.
func isGone(err error) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == http.StatusGone
}

// isFinal tells whether an error is one that no patience mends.
func isFinal(err error) bool {
	var e *StatusError
	if !errors.As(err, &e) || e.Status < 300 || e.Status >= 500 {
		return false
	}
	return e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout && e.Status != http.StatusGone
}
