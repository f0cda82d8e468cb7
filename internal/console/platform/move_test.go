package platform_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"mpblock/internal/audit"
	"mpblock/mpblocktest"
)

// lister answers one page of the blacklist, whatever it says of its length.
func (w *world) lister(total int, ids []string) mpblocktest.Rule {
	w.Helper()
	body, err := json.Marshal(map[string]any{"total": total, "count": len(ids), "data": map[string]any{"openid": ids}, "next_openid": ""})
	w.must(err)
	return mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/getblacklist"}, Effect: mpblocktest.Effect{HTTP: 200, Body: string(body)}}
}

// front returns another address of the same platform.
func (w *world) front() string {
	w.Helper()
	at, err := url.Parse(w.platform.URL)
	w.must(err)
	s := httptest.NewServer(httputil.NewSingleHostReverseProxy(at))
	w.Cleanup(s.Close)
	return s.URL
}

// Why a list was not taken over is said as it is: a list that is cut or empty has not shrunk.
func TestWhyHeld(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	b.post(w.base() + "/platform/sync")
	w.platform.Fail(w.lister(40, w.fans[:30]))
	b.post(w.base()+"/platform/sync").holds("came with 30 entries, and says itself that there are 40. 10 of those blocked here", "mirror-alarm", "not believed</span>").
		lacks("shrunk", `data-label="Unblocked there">`)
	w.platform.Fail(w.lister(0, nil))
	b.post(w.base()+"/platform/sync").holds("came empty, and 40 are blocked here", "mirror-alarm").lacks("shrunk")
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(w.base()+"/platform").holds("名单是空的，而这里已拉黑 40 人", "名单待确认").lacks("骤减")
}

// Where the list lies can be changed: with the tokens that are for that place, once both
// have been tried; what is read there first is nobody's deed.
func TestMoved(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	at, front := "/accounts/"+string(w.app)+"/platform", w.front()
	b.post(w.base() + "/platform/sync")
	w.clock.now = w.clock.now.Add(time.Minute)
	w.platform.Drift(w.fans[40:43], nil)
	b.get(at).holds(`name="url" value="` + w.platform.URL + `"`)
	b.post(at+"/tokens", "url", "ftp://x", "kind", "stable_token", "secret", w.platform.Secret).holds("https://host", `value="ftp://x"`)
	b.post(at+"/tokens", "url", front, "kind", "stable_token").holds("Enter what the chosen place", `value="`+front+`"`)
	b.get(at).holds(`value="` + w.platform.URL + `"`)
	b.post(at+"/tokens", "url", front, "kind", "stable_token", "secret", "wrong-secret").holds("40125")
	b.get(w.base() + "/platform").holds(w.platform.URL).lacks(front)
	if p := w.as("operator").post(at+"/tokens", "url", front, "kind", "stable_token", "secret", w.platform.Secret); p.status != http.StatusForbidden {
		t.Errorf("an operator: %d", p.status)
	}
	p := b.post(at+"/tokens", "url", front+"/", "kind", "stable_token", "secret", w.platform.Secret)
	p.holds(front, "the first reading: 43 on it; 3 new here, 0 no longer blocked", "all is well").lacks(w.platform.URL, "Others have blocked", "data-seq=", w.platform.Secret)
	if p.path != w.base()+"/platform" {
		t.Error(p.path)
	}
	lines, err := w.audit.Lines(t.Context(), "", 1)
	if err != nil || len(lines) != 1 || lines[0].Deed != audit.AccountSet || len(lines[0].Fields) != 1 || lines[0].Fields[0] != "upstream" {
		t.Errorf("%v: %+v", err, lines)
	}
	b.get("/audit").holds("base URL")
	w.clock.now = w.clock.now.Add(time.Minute)
	w.platform.Drift(nil, w.fans[:1])
	b.post(w.base()+"/platform/sync").holds("Others have blocked 0 and unblocked 1", "data-seq=")
}

// Another list at another place waits for a person, and is nobody's deed when it is taken
// over; that of another account is refused.
func TestMovedToAnotherList(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	at, front := "/accounts/"+string(w.app)+"/platform", w.front()
	b.post(w.base() + "/platform/sync")
	w.clock.now = w.clock.now.Add(time.Minute)
	other := mpblocktest.New(t)
	w.platform.Fail(w.lister(30, other.Followers(30)))
	b.post(at+"/tokens", "url", front, "kind", "stable_token", "secret", w.platform.Secret).holds("that is another account’s list", `value="`+front+`"`)
	w.platform.Fail()
	w.platform.Drift(w.fans[40:], w.fans[:1]) // 20 more, and one fewer
	b.post(at+"/tokens", "url", front, "kind", "stable_token", "secret", w.platform.Secret).
		holds("Since the base URL was changed another list was read: 59 are on it, of whom 20 are not blocked here, and 1 of those", "change it back in the platform settings", "mirror-alarm", "take-over").lacks("shrunk", "data-seq=")
	if p, err := w.up.Of(t.Context(), w.app); err != nil || p.BaseURL != front || p.Held == nil {
		t.Errorf("%v: %+v", err, p)
	}
	b.post("/language", "lang", "zh-CN", "back", "/")
	b.get(w.base()+"/platform").holds("更换上游地址后读到的是另一份名单：那里有 59 人", "请在平台设置中改回")
	b.post("/language", "lang", "en", "back", "/")
	b.post(w.base()+"/platform/sync", "decide", "1", "sure", "1").holds("59 are on it. New here: 20. No longer blocked here: 1.", "connected", "first reading</span>").lacks("data-seq=", "take-over")
}
