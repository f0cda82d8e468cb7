package native

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// MaxItems is how many OpenIDs a call takes at most.
const MaxItems = 1_000

// Answer tells of one OpenID whether it is blocked.
type Answer struct {
	OpenID     string    `json:"openid"`
	Blocked    bool      `json:"blocked"`
	ExpireTime time.Time `json:"expire_time,omitzero"` // when the block ends; zero: never
}

// Check tells of each of 1 to MaxItems OpenIDs whether it is blocked, in their order. One that
// is none of the account's has the call refused, with an *Error whose Items say which.
func (c *Client) Check(ctx context.Context, openIDs ...string) ([]Answer, error) {
	var out struct {
		Results []Answer `json:"results"`
	}
	in := map[string]any{"openids": openIDs}
	err := c.call(ctx, request{method: http.MethodPost, path: "/blocks:check"}, in, &out)
	if err == nil && len(out.Results) != len(openIDs) {
		err = errors.New("the answer has not one result for each OpenID")
	}
	return out.Results, err
}

// Terms are what a block has beside its OpenID.
type Terms struct {
	Reason     string    `json:"reason,omitempty"`
	ExpireTime time.Time `json:"expire_time,omitzero"` // when it ends
	TTL        string    `json:"ttl,omitempty"`        // or how long it lasts: 90s, 1h30m, 7d. Neither: for ever
}

// Block is somebody's block.
type Block struct {
	OpenID     string    `json:"openid"`
	CreateTime time.Time `json:"create_time"`
	ExpireTime time.Time `json:"expire_time,omitzero"` // zero: it does not end
	Reason     string    `json:"reason"`
	Actor      string    `json:"actor"`
	Revision   uint64    `json:"revision"` // of the change that it belongs to
}

// Block blocks somebody. Who is blocked already gets these terms in the place of the others.
func (c *Client) Block(ctx context.Context, openID string, t Terms) (b Block, err error) {
	return b, c.call(ctx, request{method: http.MethodPut, path: "/blocks/" + url.PathEscape(openID)}, t, &b)
}

// Unblock ends somebody's block, for a reason, which may be empty. Who is not blocked stays so.
func (c *Client) Unblock(ctx context.Context, openID, reason string) error {
	q := request{method: http.MethodDelete, path: "/blocks/" + url.PathEscape(openID)}
	if reason != "" {
		q.query = url.Values{"reason": {reason}}
	}
	return c.call(ctx, q, nil, nil)
}

// Batch is one change of up to MaxItems OpenIDs; of an account whose list lies on the
// platform, 20.
type Batch struct {
	Action string `json:"action"` // block, unblock or amend
	Terms
	OpenIDs      []string `json:"openids"`
	OnBad        string   `json:"on_bad,omitempty"`        // skip: what is bad is left out. Else the batch is refused, with an *Error whose Items say which
	ValidateOnly bool     `json:"validate_only,omitempty"` // say what would be, and change nothing
}

// Result is what became of one OpenID of a Batch.
type Result struct {
	OpenID string `json:"openid"`
	Result string `json:"result"` // changed, unchanged or refused
	Code   string `json:"code"`   // why it is refused
	Detail string `json:"detail"`
}

// Apply makes a change, and tells what became of each OpenID, in their order.
func (c *Client) Apply(ctx context.Context, b Batch) ([]Result, error) {
	var out struct {
		Results []Result `json:"results"`
	}
	err := c.call(ctx, request{method: http.MethodPost, path: "/batches"}, b, &out)
	return out.Results, err
}

// Piece is a piece of the blacklist.
type Piece struct {
	OpenIDs     []string             `json:"openids"`
	ExpireTimes map[string]time.Time `json:"expire_times"` // of those whose blocks end
	Total       int                  `json:"total"`        // of the whole list
	Revision    uint64               `json:"revision"`
	Place       string               `json:"place"` // in the feed, behind that revision
}

// walkSize is how many OpenIDs a piece has at most.
const walkSize = 10_000

// Walk returns the piece of the list behind an OpenID, "" for the first; the one behind the
// last is empty. What changes meanwhile may be in a piece or not: who then takes in the changes
// after the revision of the first has the list once the revision of the last is reached.
func (c *Client) Walk(ctx context.Context, after string) (p Piece, err error) {
	query := url.Values{"limit": {strconv.Itoa(walkSize)}}
	if after != "" {
		query.Set("after", after)
	}
	return p, c.call(ctx, request{method: http.MethodGet, path: "/blocks:walk", query: query}, nil, &p)
}
