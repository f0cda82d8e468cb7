package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/quoted"
	"mpblock/internal/wire"
)

// call is one call of the API.
type call struct {
	name mpblock.Call
	get  bool // GET is taken
	post bool // POST is taken
	run  func(context.Context, *exchange) error
}

// calls returns the calls by their paths.
func calls() map[string]call {
	return map[string]call{
		"/cgi-bin/token":                         {mpblock.CallToken, true, true, token},
		"/cgi-bin/stable_token":                  {mpblock.CallStableToken, false, true, stableToken},
		"/cgi-bin/user/get":                      {mpblock.CallFollowers, true, false, followers},
		"/cgi-bin/tags/members/getblacklist":     {mpblock.CallList, false, true, blacklist},
		"/cgi-bin/tags/members/batchblacklist":   {mpblock.CallBlock, false, true, block},
		"/cgi-bin/tags/members/batchunblacklist": {mpblock.CallUnblock, false, true, unblock},
		"/cgi-bin/user/info":                     {mpblock.CallUser, true, false, userInfo},
		"/cgi-bin/user/info/batchget":            {mpblock.CallUsers, false, true, usersInfo},
		"/cgi-bin/user/info/updateremark":        {mpblock.CallRemark, false, true, setRemark},
		"/cgi-bin/message/custom/send":           {mpblock.CallSend, false, true, send},
		"/cgi-bin/openapi/quota/get":             {mpblock.CallQuota, false, true, quota},
		"/cgi-bin/clear_quota":                   {mpblock.CallClearQuota, false, true, clearQuota},
		"/cgi-bin/openapi/rid/get":               {mpblock.CallRID, false, true, earlier},
	}
}

// Short tells whether a path is that of a call that is all there at once and answered from
// here alone, whatever account it is of.
func Short(path string) bool {
	switch path {
	case "/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/tags/members/getblacklist",
		"/cgi-bin/tags/members/batchblacklist", "/cgi-bin/tags/members/batchunblacklist":
		return true
	}
	return false
}

func (c call) checkMethod(method string) error {
	switch {
	case c.get && method == http.MethodGet, c.post && method == http.MethodPost:
		return nil
	case c.get:
		return wire.Refuse(wire.CodeNeedGET, "%s is called with GET, not %s", c.name, method)
	}
	return wire.Refuse(wire.CodeNeedPOST, "%s is called with POST, not %s", c.name, method)
}

func token(ctx context.Context, x *exchange) error {
	q := x.r.URL.Query()
	if err := x.form(q); err != nil {
		return err
	}
	return x.token(x.Access.Token(ctx, access.Credentials{
		GrantType: q.Get("grant_type"), AppID: q.Get("appid"), Secret: q.Get("secret"), IP: x.ip,
	}))
}

// form adds to a query what stands in a body that is a form and not in the query:
// programs get their token so (docs/divergences.md).
func (x *exchange) form(q url.Values) error {
	kind, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	if x.r.Method != http.MethodPost || !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	fields, _ := url.ParseQuery(string(bytes.TrimSpace(body))) // what can be read of it counts, as in a query
	for key, values := range fields {
		if q.Get(key) == "" {
			q[key] = values
		}
	}
	return nil
}

func stableToken(ctx context.Context, x *exchange) error {
	body, err := x.body()
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return emptyBody()
	}
	req, err := wire.StableTokenRequest(body)
	if err != nil {
		return err
	}
	return x.token(x.Access.StableToken(ctx, access.Credentials{
		GrantType: req.GrantType, AppID: req.AppID, Secret: req.Secret, IP: x.ip,
	}, req.ForceRefresh))
}

func (x *exchange) token(t access.Token, err error) error {
	if err != nil {
		return err
	}
	x.app = t.AppID
	x.out = wire.AppendToken(x.out, t.Value, int(t.ExpiresIn/time.Second))
	return nil
}

func followers(ctx context.Context, x *exchange) error {
	a, err := x.authorize(ctx)
	if err != nil {
		return err
	}
	return x.page(x.Lists.Followers(ctx, a.Account, x.r.URL.Query().Get("next_openid")))
}

func blacklist(ctx context.Context, x *exchange) error {
	a, err := x.authorize(ctx)
	if err != nil {
		return err
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	cursor, err := wire.ListRequest(body)
	if err != nil {
		return err
	}
	return x.page(x.Lists.Blacklist(ctx, a.Account, cursor))
}

func (x *exchange) page(p quoted.Page, err error) error {
	if err == nil {
		if x.pageSize > 0 {
			p = p.Head(x.pageSize)
		}
		x.held = p
		x.list = wire.AppendPage(make([][]byte, 0, len(p.Runs)+2), p)
	}
	return err
}

func block(ctx context.Context, x *exchange) error   { return change(ctx, x, mpblock.Block) }
func unblock(ctx context.Context, x *exchange) error { return change(ctx, x, mpblock.Unblock) }

func change(ctx context.Context, x *exchange, action mpblock.Action) error {
	a, ids, err := asked(ctx, x, wire.BatchRequest)
	if err != nil {
		return err
	}
	if err := x.Lists.Change(ctx, a.Account, a.Actor, action, ids); err != nil {
		return err
	}
	x.out = wire.AppendOK(x.out)
	return nil
}

// asked returns who calls, and what the body asks for, which there must be.
func asked[T any](ctx context.Context, x *exchange, read func(body []byte) (T, error)) (a access.Caller, req T, err error) {
	if a, err = x.authorize(ctx); err != nil {
		return a, req, err
	}
	body, err := x.body()
	switch {
	case err != nil:
		return a, req, err
	case len(body) == 0:
		return a, req, emptyBody()
	}
	req, err = read(body)
	return a, req, err
}

func (x *exchange) authorize(ctx context.Context) (access.Caller, error) {
	a, err := x.Access.Authorize(ctx, accessToken(x.r.URL.RawQuery), x.call.name, x.ip)
	if a.Account != nil {
		x.app, x.program = a.AppID, a.Program
	}
	if err == nil && a.Upstream != "" && x.Upstream != nil {
		err = x.front(ctx, a.Account)
	}
	return a, err
}

// accessToken returns the first access_token of a query. The key is matched
// without regard to case, since one URL in the platform's document has
// Access_token.
func accessToken(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(key, "access_token") {
			if v, err := url.QueryUnescape(value); err == nil {
				return v
			}
			return value // no good token needs escaping
		}
	}
	return ""
}

// maxDrained is how much of a body that is too long is read on and thrown away.
const maxDrained = 16 << 20

// body returns the request's body; white space alone is nothing.
func (x *exchange) body() ([]byte, error) {
	if x.bend != nil { // which has read it
		return x.bend.body, x.bend.bad
	}
	return x.readBody()
}

func (x *exchange) readBody() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(x.r.Body, wire.MaxBody+1))
	switch {
	case len(body) > wire.MaxBody:
		// Who is still sending when the connection closes may never see the answer.
		_, _ = io.CopyN(io.Discard, x.r.Body, maxDrained)
		return nil, wire.BadData("the body has more than %d bytes, the most that is taken", wire.MaxBody)
	case err != nil && errors.Is(x.r.Context().Err(), context.Canceled):
		return nil, fmt.Errorf("reading the body: %w: %w", context.Canceled, err)
	case err != nil:
		return nil, wire.BadData("the body ends before its time, at byte %d: the connection was cut or too slow", len(body))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	return body, nil
}

func emptyBody() error {
	return wire.Refuse(wire.CodeEmptyBody, "the request has no body")
}

// requestID names a request as the platform does: three groups of 8 hexadecimal
// digits, the first of which is the Unix time.
func requestID(t time.Time) string {
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:], uint32(t.Unix())) //nolint:gosec // as the platform's, until 2106
	binary.BigEndian.PutUint64(raw[4:], rand.Uint64())   //nolint:gosec // distinct, not secret
	digits := hex.EncodeToString(raw[:])
	return digits[:8] + "-" + digits[8:16] + "-" + digits[16:]
}
