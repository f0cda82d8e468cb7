package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"mpblock/client"
	"mpblock/mpblocktest"
)

// hand is a token source whose tokens a test hands out: the first that is left.
type hand struct {
	mu      sync.Mutex
	tokens  []string
	refused []string // that it was told of
	err     error
}

func (h *hand) Token(_ context.Context, refused string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if refused != "" {
		h.refused = append(h.refused, refused)
		if len(h.tokens) > 1 {
			h.tokens = h.tokens[1:]
		}
	}
	return h.tokens[0], h.err
}

// A token of somebody else's is taken as it is; a dead one is asked anew once for each
// call, and not in a loop.
func TestTokenSource(t *testing.T) {
	w := newWorld(t)
	good, err := w.client(t).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := w.count("stable_token")
	h := &hand{tokens: []string{"dead", good}}
	c, err := client.New("", "", client.WithBaseURL("http://server/base/path"), client.WithHTTPClient(&http.Client{Transport: w}), client.WithTokenSource(h))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Block(t.Context(), w.ids[0]); err != nil || strings.Join(h.refused, " ") != "dead" {
		t.Errorf("%v; told of %q", err, h.refused)
	}
	h.tokens, h.refused = []string{"dead"}, nil
	calls := w.count("getblacklist")
	if _, err := c.List(t.Context(), ""); !errors.Is(err, client.ErrInvalidToken) || !strings.Contains(err.Error(), "no other token") {
		t.Errorf("no other: %v", err)
	}
	if n := w.count("getblacklist") - calls; n != 1 || len(h.refused) != 1 {
		t.Errorf("%d calls with it, told of %q", n, h.refused)
	}
	h.tokens, h.refused = []string{"dead", "dead too", good}, nil
	if _, err := c.List(t.Context(), ""); !errors.Is(err, client.ErrInvalidToken) || len(h.refused) != 1 {
		t.Errorf("two in a row: %v, told of %q", err, h.refused)
	}
	h.err = errors.New("out of order")
	if _, err := c.List(t.Context(), ""); !errors.Is(err, h.err) {
		t.Errorf("%v", err)
	}
	h.err, h.tokens = nil, []string{""}
	if _, err := c.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "has no token") {
		t.Errorf("%v", err)
	}
	if w.count("stable_token") != before {
		t.Error("a token was got with the secret")
	}
}

// With a key of its own for the token, the query has it under that.
func TestTokenKey(t *testing.T) {
	w := newWorld(t)
	var query string
	see := roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "getblacklist") {
			query = r.URL.RawQuery
			r = r.Clone(r.Context())
			r.URL.RawQuery = strings.Replace(query, "cloudbase_", "", 1)
		}
		return w.RoundTrip(r)
	})
	c := w.client(t, client.WithTokenKey("cloudbase_access_token"), client.WithHTTPClient(&http.Client{Transport: see}))
	if _, err := c.List(t.Context(), ""); err != nil || !strings.HasPrefix(query, "cloudbase_access_token=") {
		t.Errorf("%v: %s", err, query)
	}
	for _, bad := range []string{"", "a=b", "a b"} {
		if _, err := client.New(appID, secret, client.WithTokenKey(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Calls that have no method of their own are made as the others are.
func TestRead(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	var quota struct {
		Quota struct {
			Limit int `json:"daily_limit"`
		} `json:"quota"`
	}
	if err := c.Read(t.Context(), "openapi/quota/get", map[string]string{"cgi_path": "/cgi-bin/user/get"}, &quota); err != nil || quota.Quota.Limit == 0 {
		t.Errorf("%v: %+v", err, quota)
	}
	var user struct {
		Subscribe int `json:"subscribe"`
	}
	if err := c.Read(t.Context(), "user/info?openid="+string(w.ids[0]), nil, &user); err != nil || user.Subscribe != 1 {
		t.Errorf("%v: %+v", err, user)
	}
	if err := c.Read(t.Context(), "user/info?openid=nobody", nil, &user); !errors.Is(err, client.ErrInvalidOpenID) {
		t.Errorf("%v", err)
	}
	p, err := c.Followers(t.Context(), w.ids[9])
	if err != nil || p.Total != 100 || len(p.OpenIDs) != 90 {
		t.Errorf("%v: %d of %d", err, len(p.OpenIDs), p.Total)
	}
}

// What a Client has got by itself can be renewed for calls that somebody else makes.
func TestRenewToken(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	dead, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.RenewToken(t.Context(), dead)
	if err != nil || w.count("stable_token") != 2 {
		t.Errorf("%v; %d tokens were got, the last %t the first", err, w.count("stable_token"), again == dead)
	}
}

// Each call is told of, with its code.
func TestObserver(t *testing.T) {
	w := newWorld(t)
	var all []string
	c := w.client(t, client.WithRetries(0), client.WithObserver(func(m client.Made) {
		all = append(all, fmt.Sprintf("%s %d %t", m.Call, m.Code, m.Lost))
	}))
	_, _ = c.List(t.Context(), "")
	w.faults(mpblocktest.Errcode(45009), mpblocktest.Effect{LostAnswer: "cut"})
	_ = c.Block(t.Context(), w.ids[0])
	_ = c.Block(t.Context(), w.ids[0])
	if got := strings.Join(all, ", "); got != "stable_token 0 false, getblacklist 0 false, batchblacklist 45009 false, batchblacklist 0 true" {
		t.Error(got)
	}
}
