package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// emulate opens an emulator with the demo, and returns it and its API.
func emulate(t *testing.T) (*Server, *httptest.Server) {
	t.Helper()
	return emulateAt(t, "")
}

// emulateAt is emulate with a control door at an address.
func emulateAt(t *testing.T, listen string) (*Server, *httptest.Server) {
	t.Helper()
	return emulateWith(t, Config{Demo: true, Emulate: &Emulation{Listen: listen}})
}

func emulateWith(t *testing.T, c Config) (*Server, *httptest.Server) {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		s.Emulator().Close()
		api.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, api
}

func plan(t *testing.T, text string) fault.Plan {
	t.Helper()
	p, err := fault.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is what a call of the demo's account comes to.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (a reply) code(t *testing.T) int {
	t.Helper()
	var e struct{ ErrCode int }
	if err := json.Unmarshal([]byte(a.body), &e); a.err != nil || err != nil {
		t.Fatalf("%v, %v: %q", a.err, err, a.body)
	}
	return e.ErrCode
}

type caller struct {
	t     *testing.T
	api   string
	token string
}

func (c *caller) login() {
	c.t.Helper()
	c.loginWith(DemoSecret)
}

func (c *caller) loginWith(secret string) {
	c.t.Helper()
	a := c.do("/cgi-bin/token?grant_type=client_credential&appid="+string(DemoAppID)+"&secret="+secret, "")
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); a.err != nil || err != nil || got.Token == "" {
		c.t.Fatalf("no token: %+v", a)
	}
	c.token = got.Token
}

func (c *caller) do(path, body string) reply {
	c.t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	at := c.api + path
	if c.token != "" && !strings.Contains(path, "?") {
		at += "?access_token=" + url.QueryEscape(c.token)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader([]byte(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text), err}
}

func (c *caller) block(ns ...int) reply {
	c.t.Helper()
	ids := make([]string, len(ns))
	for i, n := range ns {
		ids[i] = `"` + DemoOpenID(n).String() + `"`
	}
	return c.do("/cgi-bin/tags/members/batchblacklist", `{"openid_list":[`+strings.Join(ids, ",")+`]}`)
}

func (c *caller) list() reply {
	c.t.Helper()
	return c.do("/cgi-bin/tags/members/getblacklist", `{}`)
}

func blocked(t *testing.T, s *Server, n int) bool {
	t.Helper()
	states, err := s.Lists().States(t.Context(), DemoAppID, []mpblock.OpenID{DemoOpenID(n)})
	if err != nil {
		t.Fatal(err)
	}
	return states[0].Blocked
}

// Each effect does what it says, and to the list what it says: a lost answer's work is
// done, that of all others which refuse is not.
func TestEffects(t *testing.T) {
	t.Parallel()
	const free = DemoBlocked + 1
	for name, c := range map[string]struct {
		effect string
		check  func(t *testing.T, a reply)
		done   bool // the OpenID is blocked afterwards
		fate   string
	}{
		"errcode": {"errcode: -1", func(t *testing.T, a reply) { wantBody(t, a, `{"errcode":-1,"errmsg":"system error"}`) }, false, ""},
		"its text": {"errcode: 61004, errmsg: access clientip is not registered", func(t *testing.T, a reply) {
			wantBody(t, a, `{"errcode":61004,"errmsg":"access clientip is not registered"}`)
		}, false, ""},
		"http":        {`http: 503, body: "<p>busy</p>"`, func(t *testing.T, a reply) { wantStatus(t, a, 503, "<p>busy</p>") }, false, ""},
		"stale token": {"stale_token: 42001", func(t *testing.T, a reply) { wantBody(t, a, `{"errcode":42001,"errmsg":"access_token expired"}`) }, false, ""},
		"quota": {"quota: true", func(t *testing.T, a reply) {
			wantBody(t, a, `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`)
		}, false, ""},
		"reset before": {"reset: before", wantCut, false, "the connection was reset"},
		"reset after":  {"reset: after", wantCut, true, "the connection was reset"},
		"lost: cut":    {"lost_answer: cut", wantCut, true, "the connection was closed without an answer"},
		"lost: 502": {`lost_answer: "502"`, func(t *testing.T, a reply) {
			if a.err != nil || a.status != 502 || !strings.Contains(a.body, "Bad Gateway") {
				t.Errorf("%+v", a)
			}
		}, true, "a proxy's 502 stood in for the answer"},
		"truncated": {"truncate: 0.5", func(t *testing.T, a reply) {
			if a.err == nil || a.body != `{"errcode":0,"e` && len(a.body) != len(`{"errcode":0,"errmsg":"ok"}`)/2 {
				t.Errorf("%+v", a)
			}
		}, true, "the connection was closed in the middle of the answer"},
		"malformed": {"malformed: true", func(t *testing.T, a reply) {
			if a.err != nil || json.Valid([]byte(a.body)) || a.body == "" {
				t.Errorf("%+v", a)
			}
		}, true, "half of the body was sent as if it were all"},
		"slow":    {"slow: 100B/s", func(t *testing.T, a reply) { wantBody(t, a, `{"errcode":0,"errmsg":"ok"}`) }, true, ""},
		"latency": {"latency: 20ms, spread: 10ms", func(t *testing.T, a reply) { wantBody(t, a, `{"errcode":0,"errmsg":"ok"}`) }, true, ""},
		"drift":   {"drift: {block: 2, unblock: 3}", func(t *testing.T, a reply) { wantBody(t, a, `{"errcode":0,"errmsg":"ok"}`) }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, api := emulate(t)
			call := &caller{t: t, api: api.URL}
			call.login()
			s.Emulator().Load(plan(t, "rules:\n- name: it\n  match: {path: '*/batchblacklist'}\n  effect: {"+c.effect+"}"))
			a := call.block(free)
			c.check(t, a)
			if a.err == nil && a.header.Get(emulator.Header) != "faults" && a.status == http.StatusOK {
				t.Errorf("the reply does not say that it is bent: %v", a.header)
			}
			if got := blocked(t, s, free); got != c.done {
				t.Errorf("blocked afterwards: %v, want %v", got, c.done)
			}
			calls, _ := s.Emulator().Journal.Read(emulator.Filter{Rule: "it"}, 0, 10)
			if len(calls) != 1 || calls[0].Fate != c.fate || strings.Contains(calls[0].Query, call.token) || calls[0].AppID != string(DemoAppID) {
				t.Errorf("the journal has %+v", calls)
			}
		})
	}
}

func wantBody(t *testing.T, a reply, body string) {
	t.Helper()
	wantStatus(t, a, http.StatusOK, body)
}

func wantStatus(t *testing.T, a reply, status int, body string) {
	t.Helper()
	if a.err != nil || a.status != status || a.body != body {
		t.Errorf("%+v\nwant %d %s", a, status, body)
	}
}

func wantCut(t *testing.T, a reply) {
	t.Helper()
	if a.err == nil {
		t.Errorf("an reply came: %+v", a)
	}
}

func TestPageSizeAndDrift(t *testing.T) {
	t.Parallel()
	s, api := emulate(t)
	c := &caller{t: t, api: api.URL}
	c.login()
	s.Emulator().Load(plan(t, "rules: [{name: small, match: {path: '*/getblacklist'}, effect: {page_size: 7, drift: {block: 5, unblock: 2}}}]"))
	var page struct {
		Total, Count int
		Data         struct{ OpenID []string }
		Next         string `json:"next_openid"`
	}
	a := c.list()
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatal(err)
	}
	if page.Total != DemoBlocked+3 || page.Count != 7 || len(page.Data.OpenID) != 7 || page.Next != page.Data.OpenID[6] {
		t.Errorf("%.300s", a.body)
	}
	begun := uint64(len(demoPast) + 1) // and the job
	changes, err := s.Lists().Heads(t.Context(), DemoAppID, []uint64{begun + 1, begun + 2})
	if err != nil || changes[begun+1].Actor != emulator.Elsewhere || changes[begun+2].Actor != emulator.Elsewhere {
		t.Errorf("%v: %+v", err, changes)
	}
}

// A token that a rule has killed stays dead, and the next one is another, of both kinds.
func TestStaleTokens(t *testing.T) {
	t.Parallel()
	s, api := emulate(t)
	c := &caller{t: t, api: api.URL}
	stable := func() string {
		a := (&caller{t: t, api: api.URL}).do("/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"`+string(DemoAppID)+`","secret":"`+DemoSecret+`"}`)
		var got struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Token == "" {
			t.Fatalf("%+v", a)
		}
		return got.Token
	}
	for _, take := range []func(){c.login, func() { c.token = stable() }} {
		take()
		s.Emulator().Load(plan(t, "rules: [{name: dies, match: {path: '*/getblacklist', nth: 1}, effect: {stale_token: 40001}}]"))
		for range 2 {
			if code := c.list().code(t); code != 40001 {
				t.Fatalf("the dead token is answered %d", code)
			}
		}
		dead := c.token
		take()
		if c.token == dead || c.list().code(t) != 0 {
			t.Error("the new token is no better")
		}
	}
}

// Time moves at once: a token ends, a day's quota comes back, without a second passing.
func TestTimeMoves(t *testing.T) {
	t.Parallel()
	s, api := emulate(t)
	if _, err := s.Access().UpdateAccount(t.Context(), DemoAppID, func(a *mpblock.Account) error {
		a.Daily = map[mpblock.Call]int{mpblock.CallList: 1}
		a.PerMinute = map[mpblock.Call]int{mpblock.CallBlock: 1}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	clock := s.Emulator().Clock
	clock.Freeze()
	c := &caller{t: t, api: api.URL}
	c.login()
	want := func(a reply, code int) {
		t.Helper()
		if got := a.code(t); got != code {
			t.Errorf("answered %d, want %d", got, code)
		}
	}
	advance := func(d time.Duration) {
		t.Helper()
		if err := clock.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
	want(c.list(), 0)
	want(c.list(), 45009)
	want(c.block(1), 0)
	want(c.block(1), 45011)
	advance(time.Minute)
	want(c.block(1), 0)
	advance(2*time.Hour - time.Minute)
	want(c.list(), 42001)
	c.login()
	advance(24 * time.Hour)
	c.login()
	a := c.list()
	want(a, 0)
	if a.header.Get(emulator.Header) != "clock" {
		t.Error("nothing says that the clock is bent")
	}
	if err := clock.Set(clock.Now().Add(-time.Second)); err == nil {
		t.Error("the clock goes backwards")
	}
}

// A reset brings back the list, the clock and the end of all faults; a snapshot goes on
// with the same dice.
func TestResetAndSnapshots(t *testing.T) {
	t.Parallel()
	s, api := emulate(t)
	c := &caller{t: t, api: api.URL}
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	codes := func(n int) (all []int) {
		c.login()
		for range n {
			all = append(all, c.block(DemoBlocked+1).code(t))
		}
		return all
	}
	s.Emulator().Load(plan(t, "seed: 3\nrules: [{name: half, match: {path: '*/batchblacklist'}, probability: 0.5, effect: {errcode: -1}}]"))
	s.Emulator().Clock.Freeze()
	codes(10)
	do(s.SaveSnapshot(ctx, "mid"))
	first := codes(20)
	do(s.Emulator().Clock.Advance(time.Hour))
	do(s.RestoreSnapshot(ctx, "mid"))
	if again := codes(20); !slices.Equal(first, again) {
		t.Errorf("after the restore %v, before it %v", again, first)
	}
	if !blocked(t, s, DemoBlocked+1) {
		t.Error("the snapshot has lost a block")
	}
	do(s.Reset(ctx))
	if blocked(t, s, DemoBlocked+1) || s.Emulator().Bent() != "" {
		t.Errorf("after the reset: blocked %v, bent %q", blocked(t, s, DemoBlocked+1), s.Emulator().Bent())
	}
	if _, n := s.Emulator().Journal.Read(emulator.Filter{}, 0, 0); n == 0 || len(mustRead(s)) != 0 {
		t.Error("the journal is not empty")
	}
	if err := s.RestoreSnapshot(ctx, "none"); err == nil || !strings.Contains(err.Error(), "mid") {
		t.Errorf("%v does not name the snapshot that there is", err)
	}
}

func mustRead(s *Server) []emulator.Entry {
	all, _ := s.Emulator().Journal.Read(emulator.Filter{}, 0, 100)
	return all
}
