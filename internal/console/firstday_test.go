package console

import (
	"regexp"
	"strings"
	"testing"

	"mpblock"
)

// An account without anything shows what to do first, until it has followers: the prefix
// is read off a real OpenID, and a list is previewed and registered.
func TestFirstDay(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	b.post("/language", "lang", "en")
	const empty = "/a/" + string(otherApp)
	b.get(empty).holds(t, 200, "First steps", `action="`+empty+`/prefix"`, "2 of 6 done", "calls that block and unblock one stand here")
	user := func(name string) string {
		return mpblock.Mint(mpblock.Prefix{7, 7, 7, 7}, mpblock.Key{}, name).String()
	}
	list := user("a") + "\n" + user("b") + "\n" + user("a") + "\no-short\n" + follower(1) + "\n"
	a := b.send(empty+"/followers/change", "add", list, "", "")
	a.holds(t, 422, "The list has no OpenID of this account", "set the prefix by a real OpenID first", user("b"))
	b.post(empty+"/prefix", "openid", "nothing of the kind").holds(t, 422, "There is no OpenID in it")
	b.post(empty+"/prefix", "openid", follower(1)).holds(t, 422, "is that of account "+string(testApp))
	b.post(empty+"/prefix", "openid", ` openid="`+user("c")+`",`).holds(t, 200, "The prefix is set")

	plan := b.send(empty+"/followers/change", "add", list, "", "")
	plan.holds(t, 200, "2 followers would be registered", "o-short", "its length is 7", follower(1))
	for kind, want := range map[string]string{"new": "2", "already": "0", "malformed": "1", "foreign": "1", "duplicate": "1"} {
		if got := figure(plan.body, kind); got != want {
			t.Errorf("%s: %q, want %s", kind, got, want)
		}
	}
	b.get(empty).holds(t, 200, "First steps") // nothing has happened
	b.post(plan.path).holds(t, 200, "2 followers were registered", empty+"/start", user("a"))
	b.post(plan.path).holds(t, 422, "is not there any more")
	b.get(empty).holds(t, 200, "Top reasons")
	calls := b.get(empty + "/start")
	calls.holds(t, 200, "3 of 6 done", "batchblacklist")
	if !strings.Contains(calls.body, user("a")) && !strings.Contains(calls.body, user("b")) {
		t.Errorf("the calls are not of a follower:\n%s", calls.body)
	}
	b.post(empty+"/prefix", "openid", follower(1)).holds(t, 422, "has followers or changes already")

	b.post(empty+"/block", "openid", user("a"), "reason", "spam")
	plan = b.send(empty+"/followers/change", "remove", list, "", "")
	plan.holds(t, 200, "2 followers would be removed", "removed, and stay blocked")
	b.post(plan.path).holds(t, 200, "2 followers were removed")
	b.post(empty+"/followers/mint", "count", "3").holds(t, 200, "3 followers were made", "(3)")
	b.post(empty+"/followers/mint", "count", "many").holds(t, 422, "is not a number")
	b.post(empty+"/followers/mint", "count", "10001").holds(t, 422, "want 1 to 10000")
	plan = b.send(empty+"/followers/change", "add", list, "", "")
	b.post(plan.path+"/drop").holds(t, 200, "Import or remove followers")
	b.get(plan.path).holds(t, 422, "is not there any more")
}

// figure returns the number in a row of a preview.
func figure(body, kind string) string {
	m := regexp.MustCompile(`data-kind="` + kind + `"><th scope="row">[^<]*</th><td class="number">([^<]*)<`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return m[1]
}

// Who is no admin sees what there is to do, and can do none of it.
func TestFirstDayOfOthers(t *testing.T) {
	s := filled(t)
	b := s.as("limited")
	b.post("/language", "lang", "en")
	const empty = "/a/" + string(otherApp)
	page := b.get(empty)
	page.holds(t, 200, "First steps", "An administrator does this")
	for _, hidden := range []string{"<form method=\"post\" action=\"" + empty, "SECRET", empty + "/followers/change"} {
		if strings.Contains(page.body, hidden) {
			t.Errorf("%q is shown to an operator", hidden)
		}
	}
	b.get(empty+"/followers/change").holds(t, 403)
	b.get(empty+"/followers/change/x").holds(t, 403)
	b.send(empty+"/followers/change", "add", follower(1), "", "").holds(t, 403)
	b.post(empty+"/followers/mint", "count", "1").holds(t, 403)
	b.post(empty+"/prefix", "openid", follower(1)).holds(t, 403)
	b.get("/a/"+string(testApp)+"/start").holds(t, 404)
}

// Accounts are picked by their names; "only these" with none picked is not all of them.
func TestOperatorsArePickedAccounts(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	b.post("/language", "lang", "en")
	b.get("/operators/limited").holds(t, 200, `value="some" checked`, `value="`+string(otherApp)+`" checked>Other`, `value="`+string(testApp)+`">Tea`)
	b.get("/operators").holds(t, 200, `<td class="called" data-label="Accounts">Other</td>`)
	b.post("/operators/limited", "role", "operator", "scope", "some").holds(t, 422, "Choose at least one account", `value="some" checked`)
	b.post("/operators", "name", "new", "role", "operator", "scope", "some").holds(t, 422, "Choose at least one account", `value="some" checked`)
	b.post("/operators/limited", "role", "operator", "scope", "some", "accounts", string(testApp), "accounts", "wx0000000000000000 "+string(otherApp)).
		holds(t, 200, `value="wx0000000000000000" checked`)
	b.get("/operators").holds(t, 200, "wx0000000000000000, Tea &lt;house&gt;, Other")
	b.post("/operators/limited", "role", "operator", "scope", "all", "accounts", string(testApp)).holds(t, 200, `value="all" checked`)
}
