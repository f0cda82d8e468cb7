package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/operators"
)

// bender is an admin at the page of an emulator.
type bender struct {
	t    *testing.T
	base string
	http *http.Client
}

// emulatorPage opens an emulator with the demo, its API, and its page to the demo's admin.
func emulatorPage(t *testing.T, listen string) (*Server, *bender) {
	t.Helper()
	s, site := emulateAt(t, listen)
	return s, admitted(t, s, site.URL)
}

// admitted returns the demo's admin, who has come in by a new link.
func admitted(t *testing.T, s *Server, base string) *bender {
	t.Helper()
	token, err := s.now().rules.operators.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	b := &bender{t, base, &http.Client{Jar: jar}}
	res, body := b.get("/demo?token=" + token)
	b.holds(res, body, 200, "Overview")
	return b
}

func (b *bender) do(r *http.Request, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, string(body)
}

func (b *bender) get(path string) (*http.Response, string) {
	b.t.Helper()
	return b.do(http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil))
}

// post sends fields, which are names and values in turns.
func (b *bender) post(path string, fields ...string) (*http.Response, string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.base)
	}
	return b.do(r, err)
}

func (b *bender) holds(res *http.Response, body string, status int, texts ...string) {
	b.t.Helper()
	_, inner, _ := strings.Cut(body, "</header>")
	if res.StatusCode != status {
		b.t.Errorf("%s: %d, want %d\n%.800s", res.Request.URL, res.StatusCode, status, inner)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			b.t.Errorf("%s: without %q\n%.3000s", res.Request.URL, text, inner)
		}
	}
}

func TestPageIsThereWithTheControlDoor(t *testing.T) {
	t.Parallel()
	_, b := emulatorPage(t, "")
	res, body := b.get("/emulator")
	b.holds(res, body, 404)
	if strings.Contains(body, `href="/emulator"`) {
		t.Error("the navigation leads to a page that is not there")
	}
	s, b := emulatorPage(t, "127.0.0.1:0")
	res, body = b.get("/emulator")
	b.holds(res, body, 200, `href="/emulator" aria-current="page"`, "No fault plan is active", "No API calls yet", `aria-label="Emulator" hidden`)
	_, token, err := s.now().rules.operators.AddOperator(t.Context(), operators.NewOperator{Name: "viewer", Role: operators.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	viewer := &bender{t, b.base, &http.Client{Jar: jar}}
	viewer.post("/password", "token", token, "password", "a long enough phrase", "again", "a long enough phrase")
	if _, body := viewer.get("/"); strings.Contains(body, `href="/emulator"`) {
		t.Error("the navigation of a viewer leads to the page")
	}
	res, body = viewer.get("/emulator")
	viewer.holds(res, body, 403)
	res, body = viewer.post("/emulator/reset", "sure", "1")
	viewer.holds(res, body, 403)
}

func TestPageOfPlans(t *testing.T) {
	t.Parallel()
	s, b := emulatorPage(t, "127.0.0.1:0")
	want := func(res *http.Response, body string, status int, texts ...string) {
		t.Helper()
		b.holds(res, body, status, texts...)
	}
	ask := func(path string, fields ...string) (*http.Response, string, int) {
		res, body := b.post(path, fields...)
		return res, body, 200
	}
	res, body, status := ask("/emulator/plan", "ready", "lost-answers")
	want(res, body, status, "Fault plan lost-answers is active.", "Emulator: fault plan lost-answers is active", `aria-checked="true" id="plan-lost-answers"`, `data-rule="bad-gateway"`)
	res, body = b.get("/me")
	want(res, body, 200, "Emulator: fault plan lost-answers is active")
	res, body = b.post("/emulator/plan", "plan", "rules:\n- name: busy\n  efect: {errcode: -1}\n")
	want(res, body, 422, "Line 3: ", "efect", "  efect: {errcode: -1}\n</textarea>", `aria-checked="true" id="plan-lost-answers"`)
	res, body = b.post("/emulator/plan", "plan", "seed: 7")
	want(res, body, 422, "the plan has no rules")
	res, body, status = ask("/emulator/plan", "plan", "about: mine <b>\nrules:\n- name: busy\n  match: {path: '*/getblacklist', first: 1}\n  effect: {errcode: -1}\n")
	want(res, body, status, "a custom fault plan is active", "<h3>Custom plan", "mine &lt;b&gt;", "first: 1</code>")
	c := &caller{t: t, api: b.base}
	c.login()
	c.list()
	res, body = b.get("/emulator/live?plan=none&calls=none")
	want(res, body, 200, `id="struck-busy" class="among">1<`, `id="plans"`, `id="calls"`)
	_, live, _ := strings.Cut(body, `hx-get="`)
	live, _, _ = strings.Cut(live, `"`)
	if _, body := b.get(strings.ReplaceAll(live, "&amp;", "&")); strings.Contains(body, `id="plans"`) || strings.Contains(body, `id="calls"`) || !strings.Contains(body, `id="clock-now"`) {
		t.Errorf("nothing has changed, and it answers %s", body)
	}
	res, body, status = ask("/emulator/plan/end")
	want(res, body, status, "No fault plan is active")
	if s.Emulator().Faults() != nil {
		t.Error("the plan goes on")
	}
	res, body = b.get("/emulator?from=quota-noon")
	want(res, body, 200, "nth: 501")
}

// Whoever moves the clock stays in, and nobody else does.
func TestPageOfTheClock(t *testing.T) {
	t.Parallel()
	s, b := emulatorPage(t, "127.0.0.1:0")
	other := admitted(t, s, b.base)
	clock := s.Emulator().Clock
	moved := func(want time.Duration, fields ...string) {
		t.Helper()
		before := clock.Now()
		res, body := b.post("/emulator/clock", fields...)
		b.holds(res, body, 200, "The clock now reads")
		if d := clock.Now().Sub(before) - want; d.Abs() > time.Minute {
			t.Errorf("%q: moved by %s less than %s", fields, d, want)
		}
	}
	for range 3 {
		moved(24*time.Hour, "do", "24h")
	}
	moved(2*time.Hour, "do", "2h")
	res, body := b.get("/me")
	b.holds(res, body, 200, "Emulator: clock is 3 d 2 h ahead")
	if res, _ := other.get("/me"); res.Request.URL.Path != "/login" {
		t.Errorf("somebody else is in still, at %s", res.Request.URL)
	}
	moved(0, "do", "freeze")
	res, body = b.get("/emulator")
	b.holds(res, body, 200, "clock is frozen at", `value="run"`)
	now := clock.Now().In(mpblock.Zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, mpblock.Zone)
	moved(midnight.Sub(now), "do", "midnight")
	if !clock.Now().Equal(midnight) {
		t.Errorf("midnight is at %s", clock.Now())
	}
	moved(30*24*time.Hour, "do", "set", "time", midnight.AddDate(0, 0, 30).Format("2006-01-02T15:04"))
	moved(0, "do", "run")
	for text, want := range map[string]string{"2001-01-01T00:00": "it does not go back", "soon": "is not a time"} {
		res, body = b.post("/emulator/clock", "do", "set", "time", text)
		b.holds(res, body, 200, want)
	}
	res, body = b.post("/emulator/clock", "do", "-1h")
	b.holds(res, body, 404)
}

// A reset and a restored snapshot change all below the page, and not who is at it.
func TestPageOfStates(t *testing.T) {
	t.Parallel()
	s, b := emulatorPage(t, "127.0.0.1:0")
	done := func(want, path string, fields ...string) string {
		t.Helper()
		res, body := b.post(path, fields...)
		b.holds(res, body, 200, want)
		return body
	}
	done("The clock now reads", "/emulator/clock", "do", "24h")
	done("The clock now reads", "/emulator/clock", "do", "24h")
	done("does not fit as the name", "/emulator/snapshots", "name", "two words")
	done("Snapshot ahead is saved.", "/emulator/snapshots", "name", "ahead")
	done("Changed elsewhere: 3 blocked, 2 unblocked.", "/emulator/drift", "account", string(DemoAppID), "block", "3", "unblock", "2")
	done("is not a number of users: use 0 to 1,000", "/emulator/drift", "account", string(DemoAppID), "block", "many")
	if n := blockedOf(t, s); n != DemoBlocked+1 {
		t.Errorf("%d are blocked", n)
	}
	done("Select the checkbox first.", "/emulator/reset")
	body := done("The emulator is reset.", "/emulator/reset", "sure", "1")
	if n := blockedOf(t, s); n != DemoBlocked || s.Emulator().Bent() != "" || !strings.Contains(body, `data-snapshot="ahead"`) {
		t.Errorf("after the reset %d are blocked, and bent is %q", n, s.Emulator().Bent())
	}
	done("Snapshot ahead is restored.", "/emulator/snapshots/restore", "name", "ahead")
	if got := s.Emulator().Clock.Ahead().Round(time.Minute); got != 48*time.Hour {
		t.Errorf("the clock is %s ahead", got)
	}
	done("Snapshot ahead is deleted.", "/emulator/snapshots/remove", "name", "ahead")
	done("There is no snapshot", "/emulator/snapshots/restore", "name", "ahead")
}

func blockedOf(t *testing.T, s *Server) int {
	t.Helper()
	totals, err := s.now().rules.lists.Totals(t.Context(), DemoAppID)
	if err != nil {
		t.Fatal(err)
	}
	return totals.Blocked
}

func TestPageOfTheJournal(t *testing.T) {
	t.Parallel()
	s, b := emulatorPage(t, "127.0.0.1:0")
	s.Emulator().Load(plan(t, "rules: [{name: busy, match: {path: '*/batchblacklist'}, effect: {errcode: -1}}]"))
	c := &caller{t: t, api: b.base}
	c.login()
	c.block(DemoBlocked + 1)
	c.list()
	rows := func(query string) (paths []string) {
		t.Helper()
		_, body := b.get("/emulator" + query)
		for _, row := range strings.Split(body, `hx-target="#dialog"><code>`)[1:] {
			path, _, _ := strings.Cut(row, "</code>")
			paths = append(paths, path[strings.LastIndex(path, "/")+1:])
		}
		return paths
	}
	for query, want := range map[string][]string{
		"":                            {"getblacklist", "batchblacklist", "token"},
		"?path=batch":                 {"batchblacklist"},
		"?path=/cgi-bin/tags*":        {"getblacklist", "batchblacklist"},
		"?errcode=-1":                 {"batchblacklist"},
		"?rule=busy&path=none":        nil,
		"?errcode=0&path=token&rule=": {"token"},
	} {
		if got := rows(query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	_, secret, err := s.Access().AddProgram(t.Context(), DemoAppID, programs.New{Name: "crm", Scopes: programs.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	(&caller{t: t, api: b.base}).loginWith(secret)
	for query, want := range map[string]int{"?program=crm": 1, "?program=bot": 0, "?program=c*&path=token": 1} {
		if got := rows(query); len(got) != want {
			t.Errorf("%s: %q, want %d", query, got, want)
		}
	}
	all := mustRead(s)
	for _, path := range []string{"/emulator", "/emulator/calls/" + all[len(all)-1].RID} {
		res, body := b.get(path)
		b.holds(res, body, 200, `translate="no">crm<`)
	}
	call := all[1]
	res, body := b.get("/emulator/calls/" + call.RID)
	b.holds(res, body, 200, "access_token=***", "&#34;openid_list&#34;: [\n", "&#34;errcode&#34;: -1,\n", "busy")
	res, body = b.get("/emulator/calls/none")
	b.holds(res, body, 404)
	res, body = b.get("/emulator/calls.har?path=batch")
	var har struct{ Log struct{ Entries []any } }
	if err := json.Unmarshal([]byte(body), &har); err != nil || len(har.Log.Entries) != 1 || !strings.Contains(res.Header.Get("Content-Disposition"), ".har") {
		t.Errorf("%v, %d entries, %q", err, len(har.Log.Entries), res.Header.Get("Content-Disposition"))
	}
	for effect, fate := range map[string]string{
		"reset: after": "connection reset", "lost_answer: cut": "connection closed, no answer", "lost_answer: '502'": "answer replaced by a proxy’s 502",
		"malformed: true": "half of the body", "truncate: 0.5": "broke off halfway",
	} {
		s.Emulator().Load(plan(t, "rules: [{name: fate, effect: {"+effect+"}}]"))
		c.list()
		res, body = b.get("/emulator?live=off")
		b.holds(res, body, 200, `<span class="label long mind">`+fate+`</span>`)
	}
	res, body = b.get("/emulator?live=off&errcode=-1")
	b.holds(res, body, 200, "Go live")
	if strings.Contains(body, "every 2s") {
		t.Error("a page that stands still asks for news")
	}
}
