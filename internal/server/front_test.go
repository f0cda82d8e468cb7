package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/source"
)

// gateway is a server in front of a platform, and a program that asks it.
type gateway struct {
	*testing.T
	*Server
	base, token string
	log         *bytes.Buffer
}

func newGateway(t *testing.T, platform string) *gateway {
	t.Helper()
	g := &gateway{T: t, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(g.log, nil))
	var err error
	if g.Server, err = Open(t.Context(), Config{Store: memstore.New(), SealKeyFile: filepath.Join(t.TempDir(), "seal.key"), makeSeal: true, Log: log}); err != nil {
		t.Fatal(err)
	}
	r := g.now().rules
	if err := r.upstream.Add(t.Context(), DemoAppID, platform, source.Spec{Secret: DemoSecret}); err != nil {
		t.Fatal(err)
	}
	a, secret, err := r.access.AddAccount(t.Context(), access.NewAccount{AppID: DemoAppID, Prefix: &demoPrefix, AnyFollower: true, Upstream: platform})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := r.access.StableToken(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(a.AppID), Secret: secret}, false)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(g.Handler())
	g.base, g.token = api.URL, tok.Value
	t.Cleanup(func() {
		api.Close()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(g.log.String(), g.token) {
			t.Error("the token stands in the log")
		}
	})
	return g
}

func (g *gateway) call(path, body string) (string, http.Header) {
	g.Helper()
	mark := "?"
	if strings.Contains(path, mark) {
		mark = "&"
	}
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(g.Context(), method, g.base+path+mark+"access_token="+g.token, strings.NewReader(body))
	if err != nil {
		g.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.Fatal(err)
	}
	return string(text), res.Header
}

func (g *gateway) set(to upstream.Settings) {
	g.Helper()
	if err := g.now().rules.upstream.Set(g.Context(), DemoAppID, to); err != nil {
		g.Fatal(err)
	}
}

func (g *gateway) sync() {
	g.Helper()
	if err := g.now().rules.syncAll(g.Context()); err != nil {
		g.Fatal(err)
	}
}

const blacklistPath = "/cgi-bin/tags/members/getblacklist"

// Lists are answered from what was read last, which the answer dates, or are passed on.
func TestGatewayReads(t *testing.T) {
	t.Parallel()
	em, platform := emulate(t)
	g := newGateway(t, platform.URL)
	if text, head := g.call(blacklistPath, "{}"); !strings.Contains(text, `"errcode":-1`) || !strings.Contains(head.Get("X-Error-Detail"), "not been read") {
		t.Errorf("never read: %s, %v", text, head)
	}
	g.sync()
	list := func() (total int, synced string) {
		t.Helper()
		text, head := g.call(blacklistPath, "{}")
		var page struct{ Total int }
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(err)
		}
		return page.Total, head.Get("X-Mpblock-Synced-At")
	}
	total, synced := list()
	if at, err := time.Parse(time.RFC3339, synced); total != DemoBlocked || err != nil || time.Since(at) > time.Minute {
		t.Errorf("%d, %q", total, synced)
	}
	m, err := g.now().rules.mirrors(t.Context())
	if err != nil || len(m) != 1 || m[0].AppID != DemoAppID || m[0].Synced.IsZero() || m[0].Used["getblacklist"] == 0 || m[0].Failing {
		t.Errorf("%v: figures %+v", err, m)
	}
	em.Emulator().Load(plan(t, "rules: [{name: drift, match: {path: '*/getblacklist'}, effect: {drift: {unblock: 5}}}]"))
	if total, _ := list(); total != DemoBlocked {
		t.Errorf("not read yet: %d", total)
	}
	fresh := true
	g.set(upstream.Settings{Fresh: &fresh})
	if total, synced := list(); total != DemoBlocked-5 || synced != "" {
		t.Errorf("fresh: %d, %q", total, synced)
	}
	if err := g.now().rules.upstream.SetLimits(t.Context(), DemoAppID, budget.Limits{Day: 1}); err != nil {
		t.Fatal(err)
	}
	if text, head := g.call(blacklistPath, "{}"); !strings.HasPrefix(text, `{"errcode":45009,`) || head.Get("X-Mpblock-Synced-At") != "" || !strings.Contains(head.Get("X-Error-Detail"), "00:00 UTC+8") {
		t.Errorf("over the budget: %s, %v", text, head)
	}
	if text, head := g.call("/cgi-bin/user/get", ""); !strings.Contains(text, `"total":`) || head.Get("X-Mpblock-Synced-At") != "" {
		t.Errorf("user/get: %.60s", text)
	}
}

// The native API does not call anybody unblocked before the list was read, and dates what it says.
func TestNativeReads(t *testing.T) {
	t.Parallel()
	_, platform := emulate(t)
	g := newGateway(t, platform.URL)
	id := mpblock.Mint(demoPrefix, mpblock.Key{}, "x").String()
	ask := func(method, path, body string) (int, string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, g.base+"/v1/accounts/"+string(DemoAppID)+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+g.token)
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String(), w.Header().Get("X-Mpblock-Synced-At")
	}
	reads := []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/blocks:check", `{"openids":["` + id + `"]}`, 200},
		{"GET", "/blocks", "", 200},
		{"GET", "/blocks:walk", "", 200},
		{"GET", "/blocks/" + id, "", 404},
		{"GET", "/blocks/" + id + "/history", "", 200},
	}
	whoFollows := []string{"/followers", "/followers/" + id}
	for _, c := range reads {
		if code, body, _ := ask(c.method, c.path, c.body); code != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"passage.unread"`) {
			t.Errorf("never read: %s: %d %s", c.path, code, body)
		}
	}
	g.sync()
	for _, c := range reads {
		code, body, synced := ask(c.method, c.path, c.body)
		if at, err := time.Parse(time.RFC3339, synced); code != c.status || err != nil || time.Since(at) > time.Minute {
			t.Errorf("%s: %d %.200s, synced %q", c.path, code, body, synced)
		}
	}
	for _, path := range whoFollows {
		if code, body, _ := ask("GET", path, ""); code != http.StatusConflict || !strings.Contains(body, `"code":"followers.unknown"`) {
			t.Errorf("never read: %s: %d %s", path, code, body)
		}
	}
	for method, path := range map[string]string{"PUT": whoFollows[1], "DELETE": whoFollows[1], "POST": "/followers:add"} {
		if code, body, _ := ask(method, path, `{"openids":["`+id+`"]}`); code != http.StatusConflict || !strings.Contains(body, `"code":"followers.elsewhere"`) {
			t.Errorf("%s %s: %d %s", method, path, code, body)
		}
	}
	mirror := true
	g.set(upstream.Settings{MirrorFollowers: &mirror})
	if _, err := g.now().rules.upstream.SyncFollowers(t.Context(), DemoAppID, false); err != nil {
		t.Fatal(err)
	}
	for i, path := range whoFollows {
		if code, body, synced := ask("GET", path, ""); code != []int{200, 404}[i] || synced == "" {
			t.Errorf("mirrored: %s: %d %.200s, synced %q", path, code, body, synced)
		}
	}
}

// What is no list is passed on where that is allowed, and not pretended otherwise.
func TestGatewayPasses(t *testing.T) {
	t.Parallel()
	_, platform := emulate(t)
	g := newGateway(t, platform.URL)
	g.sync()
	text, _ := g.call("/cgi-bin/user/get", "")
	var followers struct{ Data struct{ OpenID []string } }
	if err := json.Unmarshal([]byte(text), &followers); err != nil || len(followers.Data.OpenID) == 0 {
		t.Fatalf("%v: %.100s", err, text)
	}
	info := "/cgi-bin/user/info?openid=" + followers.Data.OpenID[0]
	message := fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":"x"}}`, followers.Data.OpenID[0])
	const send, other = "/cgi-bin/message/custom/send", "/cgi-bin/menu/get"
	for _, path := range []string{info, send} {
		body := ""
		if path == send {
			body = message
		}
		if text, head := g.call(path, body); !strings.Contains(text, `"errcode":48001`) || !strings.Contains(head.Get("X-Error-Detail"), "mpblock account pass") {
			t.Errorf("%s: %s", path, text)
		}
	}
	if text, head := g.call(other, ""); !strings.Contains(text, "40066") || strings.Contains(head.Get("X-Error-Detail"), "platform") {
		t.Errorf("%s", text)
	}
	g.set(upstream.Settings{Allow: []string{"/cgi-bin/user/info", send, other}})
	if text, _ := g.call(info, ""); !strings.Contains(text, `"subscribe":1`) {
		t.Errorf("%s", text)
	}
	if text, _ := g.call(send, message); !strings.Contains(text, `"errcode":0`) {
		t.Errorf("%s", text)
	}
	if text, _ := g.call(other, ""); !strings.Contains(text, "40066") { // the platform's, which is an emulator and has it not
		t.Errorf("%s", text)
	}
	g.set(upstream.Settings{Forbid: []string{"all"}})
	if text, _ := g.call(info, ""); !strings.Contains(text, `"errcode":48001`) {
		t.Errorf("%s", text)
	}
	for _, path := range []string{"/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/component/x", blacklistPath, "/cgi-bin/user/get", "/cgi-bin/../x", "/cgi-bin/user/info?x=1", "/x"} {
		if err := g.now().rules.upstream.Set(t.Context(), DemoAppID, upstream.Settings{Allow: []string{path}}); err == nil {
			t.Errorf("%s may be passed on", path)
		}
	}
}

// What the platform refuses bears its own code and text.
func TestGatewayRefusals(t *testing.T) {
	t.Parallel()
	em, platform := emulate(t)
	g := newGateway(t, platform.URL)
	em.Emulator().Load(plan(t, "rules: [{name: no, match: {path: '*/batchblacklist'}, effect: {errcode: 45009, errmsg: 'reach max rid: 65f0c1a2-1b2c3d4e-5f607182'}}]"))
	id := mpblock.Mint(demoPrefix, mpblock.Key{}, "1").String()
	if text, _ := g.call("/cgi-bin/tags/members/batchblacklist", `{"openid_list":["`+id+`"]}`); text != `{"errcode":45009,"errmsg":"reach max rid: 65f0c1a2-1b2c3d4e-5f607182"}` {
		t.Error(text)
	}
	// What is wrong with the token of this server is nothing that a program can do about.
	for _, rule := range []string{"{path: '*/batchblacklist'}, effect: {errcode: 40001}", "{path: '*/batchblacklist'}, effect: {errcode: 42001}"} {
		em.Emulator().Load(plan(t, "rules: [{name: dead, match: "+rule+"}]"))
		text, head := g.call("/cgi-bin/tags/members/batchblacklist", `{"openid_list":["`+id+`"]}`)
		if text != `{"errcode":-1,"errmsg":"system error"}` || !strings.Contains(head.Get("X-Error-Detail"), "account doctor") {
			t.Errorf("%s: %s, %v", rule, text, head)
		}
	}
	// Nor about its address, which it does not hear of in a call that is passed on either.
	fresh := true
	g.set(upstream.Settings{Fresh: &fresh})
	em.Emulator().Load(plan(t, "rules: [{name: no, match: {path: '*/getblacklist'}, effect: {errcode: 40164, errmsg: 'invalid ip 203.0.113.7, not in whitelist'}}]"))
	if text, head := g.call(blacklistPath, "{}"); text != `{"errcode":-1,"errmsg":"system error"}` || !strings.Contains(head.Get("X-Error-Detail"), "(40164)") {
		t.Errorf("an address that is refused: %s, %v", text, head)
	}
	em.Emulator().Load(plan(t, "rules: [{name: dead, match: {path: '*/batchblacklist', nth: 1}, effect: {stale_token: 40001}}, {name: no, match: {path: '*/stable_token'}, effect: {errcode: 40164}}]"))
	if text, _ := g.call("/cgi-bin/tags/members/batchblacklist", `{"openid_list":["`+id+`"]}`); !strings.Contains(text, `"errcode":-1`) {
		t.Errorf("no token: %s", text)
	}
}
