package platform_test

import (
	"net/http"
	"strings"
	"testing"
)

// What of the account is set: how it is read, what is passed on, where tokens come from.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	at := "/accounts/" + string(w.app) + "/platform"
	if p := w.as("operator").get(at); p.status != http.StatusForbidden {
		t.Errorf("an operator: %d", p.status)
	}
	b.get("/accounts/" + string(w.app)).holds(at)
	b.post(at, "fresh", "1", "paths", "/cgi-bin/user/info\n/cgi-bin/tags/get").holds("Saved", "/cgi-bin/user/info", `name="fresh" value="1" checked`)
	b.post(at, "paths", "/cgi-bin/token").holds("/cgi-bin/token", "is never passed on")
	b.post(at, "day", "many").holds("many")
	b.post(at, "day", "2000", "minute", "60").holds(`value="2000"`, `value="60"`)
	b.get(w.base()+"/platform").holds("/ 2,000", "/ 60")
	b.post(at, "paths", "/cgi-bin/tags/get").lacks("/cgi-bin/user/info\n", `name="fresh" value="1" checked`)
	b.post(at+"/tokens", "url", w.platform.URL, "kind", "stable_token").holds("Enter what the chosen place")
	b.post(at+"/tokens", "url", w.platform.URL, "kind", "stable_token", "secret", "wrong-secret").holds("40125", "in the platform settings", "by stable_token").lacks("wrong-secret", "account set")
	b.post(at+"/tokens", "url", w.platform.URL, "kind", "token", "plain", w.platform.Secret).holds("Tokens come from there now", "which ends the tokens of other programs").lacks(w.platform.Secret)
}

// Whether OpenIDs are sent that do not begin as the account's do is set here too.
func TestAnyPrefix(t *testing.T) {
	t.Parallel()
	w := joined(t)
	b := w.as("admin")
	at := "/accounts/" + string(w.app) + "/platform"
	a, err := w.access.Account(t.Context(), w.app)
	w.must(err)
	b.get(at).holds("do not begin with " + a.Prefix.Begins()).lacks(`name="any-prefix" value="1" checked`)
	b.post(w.base() + "/platform/sync")
	foreign := func() page {
		return b.post(w.base()+"/block", "openid", "oBAAAAGOOD_2sgVt7hMZOPfL2M00", "reason", "spam")
	}
	foreign().holds("of another account")
	b.post(at, "any-prefix", "1").holds("Saved", `name="any-prefix" value="1" checked`)
	foreign().lacks("of another account")
	b.get("/audit").holds("prefix of OpenIDs")
	b.post(at).lacks(`name="any-prefix" value="1" checked`)
	foreign().holds("of another account")
	if p := w.as("operator").post(at, "any-prefix", "1"); p.status != http.StatusForbidden {
		t.Errorf("an operator: %d", p.status)
	}
}

// Where queries have the token under another key, the forms say so.
func TestTokenKey(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.platform.Drift(w.fans[:40], nil)
	b := w.as("admin")
	const at = "/accounts/platform"
	b.post(at, "step", "1", "url", w.platform.URL, "appid", string(w.app))
	b.post(at, "step", "2", "kind", "stable_token", "secret", w.platform.Secret, "token-key", "a b").holds(`id="step-2"`, `value="a b"`, "cannot be the key of a token")
	key := func() string {
		for _, c := range w.platform.Journal() {
			if strings.Contains(c.Query, "cloudbase_access_token=") {
				return c.Query
			}
		}
		return ""
	}
	b.post(at, "step", "2", "kind", "stable_token", "token-key", "cloudbase_access_token").holds(`id="step-3"`)
	if key() == "" {
		t.Error("no query had the token under the key")
	}
	b.post(at, "step", "3", "to", "back").holds(`name="token-key" value="cloudbase_access_token"`)
	b.post(at, "step", "2", "kind", "stable_token").holds(`id="step-3"`, "all is well")
}
