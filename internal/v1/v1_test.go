package v1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
	v1 "mpblock/internal/v1"
)

// fixture is a server with an account, its token and followers.
type fixture struct {
	*testing.T
	*server.Server
	handler http.Handler
	router  routers.Router
	account *mpblock.Account
	secret  string
	token   string
	ids     []string
	clock   *clock
	log     *bytes.Buffer
	store   *hooked
}

// hooked is a store on which something may happen just before a change.
type hooked struct {
	mpblock.Store
	before func()
}

func (h *hooked) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if do := h.before; do != nil {
		h.before = nil
		do()
	}
	return h.Store.Apply(ctx, app, b)
}

// answer is what a call came to.
type answer struct {
	status int
	header http.Header
	body   string
}

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, log: &bytes.Buffer{}, clock: newClock()}
	f.store = &hooked{Store: memstore.WithClock(f.clock)}
	var err error
	if f.Server, err = server.Open(t.Context(), server.Config{Store: f.store, Clock: f.clock, Log: slog.New(slog.NewTextHandler(f.log, nil))}); err != nil {
		t.Fatal(err)
	}
	if f.account, f.secret, err = f.Access().AddAccount(t.Context(), access.NewAccount{}); err != nil {
		t.Fatal(err)
	}
	f.token = f.get(f.secret)
	f.ids = f.mint(20)
	f.handler, f.router = f.Handler(), described(t)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(f.log.String(), f.token) || strings.Contains(f.log.String(), f.secret) {
			t.Error("a secret stands in the log")
		}
	})
	return f
}

func described(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(v1.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// mint returns new followers, in their order.
func (f *fixture) mint(n int) (all []string) {
	f.Helper()
	if err := f.Lists().MintFollowers(f.Context(), f.account, n, func(ids []mpblock.OpenID) error {
		for _, id := range mpblock.Distinct(ids) {
			all = append(all, id.String())
		}
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	return all
}

// get gets an access token with a secret.
func (f *fixture) get(secret string) string {
	f.Helper()
	tok, err := f.Access().StableToken(f.Context(), access.Credentials{GrantType: "client_credential", AppID: string(f.account.AppID), Secret: secret}, false)
	if err != nil {
		f.Fatal(err)
	}
	return tok.Value
}

// program makes a program and returns its access token.
func (f *fixture) program(name string, scopes ...programs.Scope) string {
	f.Helper()
	_, secret, err := f.Access().AddProgram(f.Context(), f.account.AppID, programs.New{Name: name, Scopes: scopes})
	if err != nil {
		f.Fatal(err)
	}
	return f.get(secret)
}

// call is a call that a test makes.
type call struct {
	method, path, body, token, match string
	header                           http.Header
	off                              bool // is no call that openapi.yaml describes
}

// make makes a call of the account's, and holds the answer against openapi.yaml.
func (f *fixture) make(c call) answer {
	f.Helper()
	path := c.path
	if !strings.HasPrefix(path, "/v1") {
		path = "/v1/accounts/" + string(f.account.AppID) + path
	}
	r := httptest.NewRequestWithContext(f.Context(), c.method, path, strings.NewReader(c.body))
	for k, v := range c.header {
		r.Header[k] = v
	}
	if c.body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	switch c.token {
	case "":
		r.Header.Set("Authorization", "Bearer "+f.token)
	case "-":
	default:
		r.Header.Set("Authorization", c.token)
	}
	if c.match != "" {
		r.Header.Set("If-Match", c.match)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	a := answer{w.Code, w.Header(), w.Body.String()}
	if !c.off {
		f.describes(r, a)
	}
	return a
}

// describes holds an answer against openapi.yaml.
func (f *fixture) describes(r *http.Request, a answer) {
	f.Helper()
	route, params, err := f.router.FindRoute(r)
	if err != nil {
		f.Errorf("%s %s is not described: %v", r.Method, r.URL, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	if err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}); err != nil {
		f.Errorf("%s %s: %s\nis not as described: %v", r.Method, r.URL, a.body, err)
	}
}

// want makes a call and wants a status, and a part of the body.
func (f *fixture) want(status int, part, method, path, body string) answer {
	f.Helper()
	a := f.make(call{method: method, path: path, body: body})
	f.check(a, status, part, method+" "+path+" "+body)
	return a
}

func (f *fixture) check(a answer, status int, part, what string) {
	f.Helper()
	if a.status != status || !strings.Contains(a.body, part) {
		f.Errorf("%.300s: %d %s, want %d with %s", what, a.status, a.body, status, part)
	}
}

// into reads the body of an answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
}

func openids(ids ...string) string {
	b, _ := json.Marshal(map[string]any{"openids": ids})
	return string(b)
}

func TestBlock(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0]
	f.want(404, `"code":"block.none"`, "GET", at, "")
	a := f.want(201, `"reason":"spam","actor":"api","revision":1`, "PUT", at, `{"reason":"spam","ttl":"1h"}`)
	if a.header.Get("Mpblock-Revision") != "1" || a.header.Get("ETag") != `"1"` {
		t.Errorf("%v", a.header)
	}
	f.want(200, fmt.Sprintf(`{"openid":%q,"create_time":"2026-03-01T08:00:00Z","expire_time":"2026-03-01T09:00:00Z"`, f.ids[0]), "GET", at, "")
	f.want(200, `"revision":1`, "PUT", at, `{"reason":"spam","expire_time":"2026-03-01T17:00:00+08:00"}`) // so already
	f.want(200, `"create_time":"2026-03-01T08:00:00Z","reason":"","actor":"api","revision":2`, "PUT", at, `{}`)
	f.want(200, `{"results":[{"openid":"`+f.ids[1]+`","blocked":false},{"openid":"`+f.ids[0]+`","blocked":true}],"as_of":2}`, "POST", "/blocks:check", openids(f.ids[1], f.ids[0]))
	if a := f.want(204, "", "DELETE", at+"?reason=sorry", ""); a.header.Get("Mpblock-Revision") != "3" {
		t.Errorf("%v", a.header)
	}
	f.want(204, "", "DELETE", at, "")
	f.want(200, `"blocked":false}],"as_of":3}`, "POST", "/blocks:check", openids(f.ids[0]))
	c, err := f.Lists().ChangeAt(t.Context(), f.account.AppID, 3)
	if err != nil || c.Action != mpblock.Unblock || c.Actor != "api" || c.Reason != "sorry" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestIfMatch(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0]
	try := func(status int, method, match, body string) {
		t.Helper()
		f.check(f.make(call{method: method, path: at, body: body, match: match}), status, "", method+" if "+match)
	}
	try(412, "PUT", "*", `{}`)
	try(412, "PUT", `"1"`, `{}`)
	try(201, "PUT", "", `{}`)
	try(200, "PUT", `"1"`, `{"reason":"a"}`)
	try(412, "PUT", `"1"`, `{"reason":"b"}`)
	try(200, "PUT", `"7", "2"`, `{"reason":"c"}`)
	try(412, "DELETE", `"2"`, "")
	f.want(200, `"reason":"c"`, "GET", at, "")
	try(204, "DELETE", `*`, "")
	try(412, "DELETE", `*`, "")

	// Two have read the same, and the second is done while the first is on its way.
	try(201, "PUT", "", `{}`) // 5
	f.store.before = func() { try(200, "PUT", `"5"`, `{"reason":"second"}`) }
	try(412, "PUT", `"5"`, `{"reason":"first"}`)
	f.want(200, `"reason":"second"`, "GET", at, "")
	f.store.before = func() { try(200, "PUT", `"6"`, `{"reason":"third"}`) }
	try(412, "DELETE", `"6"`, "")
	f.store.before = func() { try(204, "DELETE", `"7"`, "") }
	try(412, "PUT", `"7"`, `{}`)
	try(201, "PUT", "", `{}`) // 9
	f.store.before = func() { try(200, "PUT", `"9"`, `{"reason":"fourth"}`) }
	try(204, "DELETE", "*", "") // whichever it is
	try(204, "DELETE", "", "")
}

func TestWhoMay(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0]
	other, secret, err := f.Access().AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := f.Access().StableToken(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(other.AppID), Secret: secret}, false)
	if err != nil {
		t.Fatal(err)
	}
	reads, writes := f.program("reads", programs.Read), f.program("writes", programs.Write)
	for _, tt := range []struct {
		name, method, token string
		status              int
		code                string
	}{
		{"no token", "GET", "-", 401, "token.missing"},
		{"another scheme", "GET", "Basic eDp5", 401, "token.missing"},
		{"nothing behind it", "GET", "Bearer ", 401, "token.missing"},
		{"forged", "GET", "Bearer " + f.token[:len(f.token)-4] + "AAAA", 401, "token.bad.forged"},
		{"another account's", "GET", "Bearer " + tok.Value, 403, "token.account"},
		{"lower case", "GET", "bearer " + f.token, 404, "block.none"},
		{"may read", "GET", "Bearer " + reads, 404, "block.none"},
		{"may not write", "PUT", "Bearer " + reads, 403, "caller.scope"},
		{"may not read", "GET", "Bearer " + writes, 403, "caller.scope"},
		{"may write", "PUT", "Bearer " + writes, 201, ""},
	} {
		a := f.make(call{method: tt.method, path: at, body: "{}", token: tt.token})
		f.check(a, tt.status, tt.code, tt.name)
		if (a.header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
			t.Errorf("%s: %v", tt.name, a.header)
		}
	}
	f.want(200, `"actor":"api:writes"`, "GET", at, "")
	if log := f.log.String(); !strings.Contains(log, "call=v1/blocks.put status=201") || !strings.Contains(log, "program=writes") || !strings.Contains(log, "code=caller.scope") {
		t.Errorf("the log is %s", log)
	}
	if _, err := f.Access().UpdateAccount(t.Context(), f.account.AppID, func(a *mpblock.Account) error {
		a.Denied = []mpblock.Call{mpblock.CallBlock}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f.want(403, `"code":"caller.call"`, "PUT", at, `{}`)
	f.want(200, "", "GET", at, "")
}

// A note is the remark of the person: it goes with the block, and stays when that is gone.
func TestNote(t *testing.T) {
	f := open(t)
	at := "/blocks/" + f.ids[0]
	f.want(201, `"reason":"spam","note":"called twice","actor":"api"`, "PUT", at, `{"reason":"spam","note":" called twice "}`)
	f.want(200, `"reason":"worse","note":"called twice"`, "PUT", at, `{"reason":"worse"}`)
	f.want(200, `"note":"a friend of Li"`, "PUT", at, `{"reason":"worse","note":"a friend of Li"}`) // which is so already but for the note
	f.want(200, `"revision":2`, "GET", at, "")
	f.want(200, `"note":"a friend of Li"`, "GET", at, "")
	for _, order := range []string{"newest", "openid"} {
		f.want(200, `"note":"a friend of Li"`, "GET", "/blocks?notes=true&order="+order, "")
		if a := f.want(200, `"reason":"worse"`, "GET", "/blocks?order="+order, ""); strings.Contains(a.body, "note") {
			t.Errorf("there are notes that nobody has asked for: %s", a.body)
		}
	}
	f.want(400, `"code":"query"`, "GET", "/blocks?notes=yes", "")
	f.want(400, `"code":"remark.length"`, "PUT", at, `{"note":"`+strings.Repeat("字", 31)+`"}`)
	f.want(400, `"code":"remark.line"`, "PUT", at, `{"reason":"other","note":"a\nb"}`)
	f.want(200, `"reason":"worse"`, "GET", at, "") // it was refused as a whole
	f.want(204, "", "DELETE", at, "")
	f.want(201, `"note":"a friend of Li"`, "PUT", at, `{}`)
	if a := f.want(200, `"reason":""`, "PUT", at, `{"note":""}`); strings.Contains(a.body, "note") {
		t.Errorf("the note is still there: %s", a.body)
	}
}

// The feed alone takes the access token in the query too, and no log has it.
func TestTokenInQuery(t *testing.T) {
	f := open(t)
	feed, with := f.program("feed", programs.Feed), func(token string) string { return "/changes?after=0&access_token=" + token }
	for _, tt := range []struct {
		name, path, header string
		status             int
		part, ask          string
	}{
		{"in the query", with(feed), "-", 200, `"changes":[]`, ""},
		{"in both", with(feed), "", 400, `"code":"token.twice"`, ""},
		{"forged", with(feed[:len(feed)-4] + "AAAA"), "-", 401, `"code":"token.bad.forged"`, `Bearer realm="mpblock", error="invalid_token"`},
		{"empty", with(""), "-", 401, `"code":"token.missing"`, `Bearer realm="mpblock"`},
		{"of another call", "/blocks?access_token=" + f.token, "-", 401, `"code":"token.missing"`, `Bearer realm="mpblock"`},
		{"of another call, and in the header", "/blocks?access_token=" + f.token, "", 400, `"code":"query"`, ""},
	} {
		a := f.make(call{method: "GET", path: tt.path, token: tt.header})
		f.check(a, tt.status, tt.part, tt.name)
		if got := a.header.Get("WWW-Authenticate"); got != tt.ask || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: asks with %q, want %q; %v", tt.name, got, tt.ask, a.header)
		}
		if open := a.header.Get("Access-Control-Allow-Origin") != ""; open != (tt.header == "-" && strings.Contains(tt.path, "after=0") && tt.name != "empty") && tt.name != "in both" {
			t.Errorf("%s: pages of other sites may read it: %v", tt.name, open)
		}
	}
	if log := f.log.String(); !strings.Contains(log, "call=v1/changes.follow status=200") || strings.Contains(log, feed) || strings.Contains(log, f.token) {
		t.Errorf("the log is %s", log)
	}
}

func TestPaths(t *testing.T) {
	f := open(t)
	for _, tt := range []struct {
		method, path string
		status       int
		part         string
	}{
		{"GET", "/v1", 404, "path.none"},
		{"GET", "/v1/accounts", 404, "path.none"},
		{"GET", "/blocks:other", 404, "path.none"},
		{"GET", "/blocks/" + f.ids[0] + "/", 404, "path.none"},
		{"GET", "/blocks/" + f.ids[0] + "%2F", 400, "openid.shape"},
		{"GET", "/blocks/", 404, "path.none"},
		{"PATCH", "/blocks/" + f.ids[0], 405, "DELETE, GET, PUT"},
		{"GET", "/blocks:check", 405, `"path.method"`},
		{"GET", "/v1/accounts/wx1/blocks/" + f.ids[0], 400, "appid.shape"},
		{"GET", "/v1/openapi.yaml", 200, "openapi: 3.1"},
	} {
		f.check(f.make(call{method: tt.method, path: tt.path, off: true}), tt.status, tt.part, tt.method+" "+tt.path)
	}
	f.check(f.make(call{method: "POST", path: "/blocks%3Acheck", body: openids(f.ids[0]), off: true}), 200, "as_of", "an escaped colon")
}
