package platform_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/console"
	"mpblock/internal/desk"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/source"
	"mpblock/mpblocktest"
)

const password = "a long enough phrase"

// clock is one that is moved by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// world is a platform, and a console in front of one account of it.
type world struct {
	*testing.T
	platform *mpblocktest.Server
	fans     []string
	clock    *clock
	up       *upstream.Service
	access   *access.Service
	jobs     *jobs.Service
	store    mpblock.Store
	audit    *audit.Service
	url      string
	app      mpblock.AppID
}

// open returns a world with an operator of each role, without the account.
func open(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, platform: mpblocktest.New(t), clock: &clock{time.Now()}}
	w.fans, w.app = w.platform.Followers(60), mpblock.AppID(w.platform.AppID)
	store := memstore.New()
	w.up = upstream.New(store, upstream.Options{Clock: w.clock, SealFile: filepath.Join(t.TempDir(), "seal.key"), MakeSeal: true, Pause: time.Millisecond})
	a, err := access.Open(t.Context(), store, access.WithClock(w.clock))
	w.must(err)
	w.access, w.audit = a, audit.New(store, w.clock, nil)
	o, err := operators.Open(t.Context(), store, operators.Options{Clock: w.clock, Cost: credentials.Cost{Time: 1, Memory: 8, Threads: 1}})
	w.must(err)
	l, err := lists.New(store, lists.Options{Clock: w.clock, Upstream: w.up})
	w.must(err)
	j := jobs.New(store, l, a.Account, jobs.Options{Clock: w.clock})
	w.jobs, w.store = j, store
	desks := desk.New(a, o, l, j, remarks.New(store, w.clock), intake.New(store, l, w.clock), w.up, w.audit, w.clock)
	for _, role := range []operators.Role{operators.RoleAdmin, operators.RoleOperator, operators.RoleViewer} {
		_, token, err := o.AddOperator(t.Context(), operators.NewOperator{Name: string(role), Role: role, Language: "en"})
		w.must(err)
		_, err = o.UseReset(t.Context(), token, password)
		w.must(err)
	}
	s := httptest.NewServer(console.New(console.Options{Desks: desks, Operators: o, CodeText: strconv.Itoa, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

// joined is open with the account.
func joined(t *testing.T) *world {
	t.Helper()
	w := open(t)
	tokens := source.Spec{Secret: w.platform.Secret}
	w.platform.Drift(w.fans[:40], nil)
	prefix, err := w.up.Join(t.Context(), w.app, w.platform.URL, tokens, nil)
	w.must(err)
	_, _, err = w.access.AddAccount(t.Context(), access.NewAccount{AppID: w.app, Name: "Tea", Prefix: prefix, AnyFollower: true, Upstream: w.platform.URL})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// base is the address of the account's pages.
func (w *world) base() string { return "/a/" + string(w.app) }

// browser is one that an operator has logged in with.
type browser struct {
	*world
	*http.Client
}

func (w *world) as(name string) browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.must(err)
	b := browser{w, &http.Client{Jar: jar}}
	b.post("/login", "name", name, "password", password).holds("Log out")
	return b
}

// page is one that came.
type page struct {
	w      *world
	status int
	path   string
	body   string
}

func (b browser) page(r *http.Request, err error) page {
	b.Helper()
	b.must(err)
	res, err := b.Do(r)
	b.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.must(err)
	return page{b.world, res.StatusCode, res.Request.URL.RequestURI(), string(body)}
}

func (b browser) get(path string) page {
	b.Helper()
	return b.page(http.NewRequestWithContext(b.Context(), http.MethodGet, b.url+path, nil))
}

func (b browser) post(path string, fields ...string) page {
	b.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.url)
		r.Header.Set("Referer", b.url+path)
	}
	return b.page(r, err)
}

func (p page) holds(texts ...string) page {
	p.w.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			_, inner, _ := strings.Cut(p.body, "<main")
			p.w.Errorf("%s (%d): without %q:\n%.3000s", p.path, p.status, text, inner)
		}
	}
	return p
}

func (p page) lacks(texts ...string) page {
	p.w.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			p.w.Errorf("%s: with %q", p.path, text)
		}
	}
	return p
}

// Each page of the account says how old its lists are, and after ten minutes without an
// answer that there is none.
func TestHeadOfEachPage(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	pages := []string{w.base(), w.base() + "/blacklist", w.base() + "/history", w.base() + "/platform", "/accounts/" + string(w.app)}
	b.get(w.base()).holds("not read yet").lacks("mirror-alarm")
	b.post(w.base()+"/platform/sync").holds("for the first time: 40 are on it", "the first reading: 40 on it; 40 new here", "first reading</span>", "just now").lacks("others blocked 40", "Others have blocked", "<td class=\"number\" data-label=\"Blocked there\">40")
	w.clock.now = w.clock.now.Add(3 * time.Minute)
	for _, p := range pages {
		b.get(p).holds("connected", "read 3 min ago", w.base()+"/platform").lacks("mirror-alarm")
	}
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Errcode(48001)})
	w.clock.now = w.clock.now.Add(5 * time.Minute)
	b.post(w.base()+"/platform/sync").holds("48001", "cannot be read", "read 8 min ago", "the first reading: 40 on it").lacks("mirror-alarm")
	w.clock.now = w.clock.now.Add(9 * time.Minute)
	b.get(w.base()).lacks("mirror-alarm")
	w.clock.now = w.clock.now.Add(2 * time.Minute)
	for _, p := range pages {
		b.get(p).holds("cannot be read", "mirror-alarm", "could not be read for 11 min", "it is not verified")
	}
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(w.base()+"/platform").holds("首次读取：共 40 人；新收录 40 人", ">首次读取</span>")
	b.get(w.base()).holds("读取失败", "平台已有 11 分钟读不到", "微信认证")
	b.get("/accounts").lacks("mirror-alarm")
}

// What others do there is shown with a way to put it back, and a list that has shrunk waits
// for an admin.
func TestDriftAndHeld(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	b.post(w.base() + "/platform/sync")
	w.clock.now = w.clock.now.Add(time.Minute)
	w.platform.Drift(w.fans[40:43], w.fans[:2])
	w.as("operator").post(w.base()+"/platform/sync").holds("Others have blocked 3 and unblocked 2 there", `data-seq="3"`, w.base()+"/history/3/undo")
	b.get(w.base() + "/history/3").holds("on the platform")
	b.post(w.base()+"/history/3/undo", "note", "ours").holds("#4")
	if n := len(w.platform.Blocked()); n != 43 {
		t.Errorf("%d are blocked on the platform", n)
	}
	w.as("viewer").get(w.base()+"/platform").holds("Changed on the platform", "<td class=\"whole\"><span class=\"label\">Put back").lacks("/undo\">", "id=\"sync\"", "id=\"examine\"")

	w.platform.Drift(nil, w.fans[:41])
	b.post(w.base()+"/platform/sync").holds("was not taken over. The platform’s list has shrunk: 41 of those blocked here are not on it, which has 2 now", "a list waits for a decision", "mirror-alarm", "Nobody is blocked or unblocked by it", "take-over")
	w.as("operator").get(w.base() + "/platform").holds("An admin decides").lacks("take-over")
	if p := w.as("operator").post(w.base()+"/platform/sync", "decide", "1", "sure", "1"); p.status != http.StatusForbidden {
		t.Errorf("an operator decides: %d", p.status)
	}
	b.post(w.base()+"/platform/sync", "decide", "1").holds("Select the checkbox first")
	b.post(w.base()+"/platform/sync", "decide", "1", "sure", "1").holds("2 are on it", "connected").lacks("take-over")
}

// What the platform refuses is said with its code and what that means, whatever it is that
// was asked for.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("operator")
	b.post(w.base() + "/platform/sync")
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Errcode(48001)})
	b.post(w.base()+"/block", "openid", w.fans[50], "reason", "spam").holds("48001", "The account may not make this call: it is not verified")
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.post(w.base()+"/block", "openid", w.fans[50], "reason", "spam").holds("平台拒绝了：48001", "微信认证")
	if n := len(w.platform.Blocked()); n != 40 {
		t.Errorf("%d are blocked", n)
	}
	b.get(w.base() + "/platform").lacks(`data-seq=`) // what the first reading found nobody had just changed
}

// What works is examined on demand, and kept.
func TestExamined(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	b.get(w.base() + "/platform").holds("Not examined yet")
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/user/get"}, Effect: mpblocktest.Errcode(48001)})
	b.post(w.base()+"/platform/examine").holds("it works, some calls are refused", "Its OpenIDs begin with "+w.fans[0][:6], "The blacklist can be read: 40 are blocked", "48001", "it is not verified")
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(w.base()+"/platform").holds("可以读取黑名单，共 40 人", "微信认证").lacks(w.platform.Secret)
	for path, want := range map[string]int{w.base() + "/platform": 200, "/a/wx0000000000000000/platform": 404} {
		if p := b.get(path); p.status != want {
			t.Errorf("%s: %d", path, p.status)
		}
	}
}

// The budget names the limits of the platform as such, and a change that waits says for what.
func TestWhatWaits(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	b.get(w.base()+"/platform").lacks("limit as the platform says", "Next reading")
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/quota/get"}, Effect: mpblocktest.Effect{
		HTTP: 200, Body: `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":2000,"used":7,"remain":1993}}`}})
	b.post(w.base()+"/platform/examine").holds("limit as the platform says", "/ 2,000", "The budget keeps to them")
	w.platform.Fail(
		mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}},
		mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Errcode(48001)})
	b.post(w.base()+"/block", "openid", w.fans[50], "reason", "spam").holds("answer was lost")
	b.get(w.base()+"/platform").holds(`id="unsettled"`, "Next reading of the platform’s list:")
	b.post(w.base()+"/block", "openid", w.fans[51], "reason", "spam").holds("It is read again at", "what was asked for is kept")
}

// The form leads in four steps to an account whose list is here; what is secret of it
// never comes back in a page.
func TestJoin(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.platform.Drift(w.fans[:40], nil)
	b := w.as("admin")
	const at = "/accounts/platform"
	b.get("/accounts").holds(at)
	if p := w.as("operator").get(at); p.status != http.StatusForbidden {
		t.Errorf("an operator: %d", p.status)
	}
	b.get(at+"?step=4").holds("https://api.weixin.qq.com", `id="step-1"`)
	b.post(at, "step", "1", "url", "ftp://x", "appid", string(w.app)).holds("https://host", string(w.app))
	b.post(at, "step", "1", "url", w.platform.URL+"/", "appid", "wx1").holds("not “wx1”")
	b.post(at, "step", "1", "url", w.platform.URL, "appid", string(w.app)).holds(`id="step-2"`)
	b.post(at, "step", "2", "kind", "stable_token").holds("Enter what the chosen place")
	b.post(at, "step", "2", "kind", "file", "file", "token").holds("absolute path")
	b.post(at, "step", "2", "kind", "stable_token", "secret", "wrong-secret").holds(`id="step-3"`, "40125", "The secret is wrong", "go back and enter").lacks("wrong-secret", `id="next"`)
	b.post(at, "step", "3").holds("test again")
	b.post(at, "step", "3", "to", "back").holds(`id="step-2"`, "Entered already").lacks("wrong-secret")
	b.post(at, "step", "2", "kind", "stable_token", "secret", w.platform.Secret).holds(`id="step-3"`, "all is well", "40 are blocked", `id="next"`).lacks(w.platform.Secret, `id="prefix"`)
	b.post(at, "step", "3").holds(`id="step-4"`)
	b.post(at, "step", "4", "to", "back", "name", "Tea house").holds(`id="step-3"`)
	b.post(at, "step", "3", "to", "back").holds("Entered already")
	b.post(at, "step", "2", "kind", "stable_token").holds(`id="step-3"`, "all is well") // the secret stays
	b.post(at, "step", "3", "to", "again").holds(`id="step-3"`, "Tested again")
	b.get(at + "?step=4").holds("Tea house")
	p := b.post(at, "step", "4", "name", "Tea house", "followers", "1").holds("The account was added", `id="secret"`, "all is well", "40 on it", "connected", "Followers")
	if p.path != w.base()+"/platform" {
		t.Error(p.path)
	}
	b.get(w.base()+"/platform").lacks(`id="secret"`, w.platform.Secret)
	b.get(at + "?step=4").holds(`id="step-1"`).lacks(`name="appid" value="` + string(w.app))
	b.post(at, "step", "1", "url", w.platform.URL, "appid", string(w.app)).holds("is here already")
}

// Where nobody is blocked there, the form asks how OpenIDs begin.
func TestJoinAsksForThePrefix(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/user/get"}, Effect: mpblocktest.Errcode(48001)})
	b := w.as("admin")
	const at = "/accounts/platform"
	b.post(at, "step", "1", "url", w.platform.URL, "appid", string(w.app))
	b.post(at, "step", "2", "kind", "stable_token", "secret", w.platform.Secret).holds(`id="prefix"`, "some calls are refused")
	b.post(at, "step", "3", "prefix", "zz").holds(`value="zz"`, `id="step-3"`)
	b.post(at, "step", "3", "prefix", w.fans[0]).holds(`id="step-4"`)
	b.post(at, "step", "4", "name", "Tea").holds("The account was added", "0 on it")
}

// What is secret does not wait in a page for a login.
func TestSecretsDoNotWait(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := browser{w, &http.Client{}}
	b.post("/accounts/platform", "step", "2", "secret", "very-secret").lacks("very-secret", "dmVyeS1zZWNyZXQ", `name="waiting"`)
	b.post("/accounts/"+string(w.app)+"/platform/tokens", "secret", "very-secret").lacks(`name="waiting"`)
	b.post("/accounts/"+string(w.app)+"/platform", "paths", "/cgi-bin/tags/get").holds(`name="waiting"`)
}
