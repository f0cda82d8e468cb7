package console

import (
	"strings"
	"testing"

	"mpblock"
)

// An admin protects people, whom nobody can block by hand then, sees who is blocked all the
// same, and ends their protection.
func TestProtected(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp) + "/protected"
	one, two := follower(0), follower(1)
	b.get("/accounts/"+string(testApp)).holds(t, 200, `href="`+at+`"`)
	b.get(at).holds(t, 200, "Nobody is protected yet")
	b.post(at, "openids", "OPENID1", "why", "staff").holds(t, 422, "OPENID1", `value="staff"`)
	b.post(at, "openids", one, "why", "").holds(t, 422, "one line of 1 to 80 characters", one)

	block := "/a/" + string(testApp) + "/block"
	b.post(block, "openid", two, "reason", "spam").holds(t, 200)
	b.post(at, "openids", one+"\n"+two, "why", "staff & co").holds(t, 200, "2 more people are protected.", one, "staff &amp; co", "admin", ">blocked<")
	b.post(block, "openid", one, "reason", "spam").holds(t, 422, "This user cannot be blocked", one, "staff &amp; co", "admin")
	b.post("/language", "lang", "zh-CN")
	b.post(block, "openid", one, "reason", "spam").holds(t, 422, "该用户不能加入黑名单", one)
	both := []string{"openid", one, "openid", follower(2), "openid", follower(3), "reason", "spam <1>", "ends", "7", "back", base + "/followers?q=o"}
	b.post("/language", "lang", "en")
	for _, path := range []string{base + "/confirm", base + "/block"} {
		status := map[string]int{base + "/confirm": 200, base + "/block": 422}[path]
		a := b.post(path, append(both, "action", "block")...)
		a.holds(t, status, "Block 2 users?", "1 of those you chose cannot be blocked and stays out of it:", one, "staff &amp; co", `name="openid" value="`+follower(2)+`"`)
		if strings.Contains(a.body, `value="`+one+`"`) || strings.Contains(a.body, "console:") || strings.Contains(a.body, `id="refused"`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	b.post(base+"/block", both...).holds(t, 422, `value="spam &lt;1&gt;"`, `value="7" selected`, base+"/followers?q=o")
	b.post(base+"/block", append(both, "ends_on", "2001-01-01")...).holds(t, 422, "stays out of it", "with 2001-01-01")
	b.post(base+"/block", "openid", " "+one+" ", "openid", follower(2), "openid", follower(2)).holds(t, 422, "Block this user?", "Nothing has changed yet.", "stays out of it")
	stranger := mpblock.Mint(testPrefix, mpblock.Key{9}, "nobody").String()
	for _, path := range []string{base + "/confirm", base + "/block"} {
		b.post(path, "action", "block", "openid", follower(2), "openid", stranger).holds(t, map[string]int{base + "/confirm": 200, base + "/block": 422}[path],
			"Block this user?", "stays out of it", stranger, "not a follower")
	}
	b.post(base+"/confirm", "action", "block", "openid", stranger).holds(t, 200, "This user cannot be blocked", "not a follower")
	b.post(base+"/confirm", "action", "block", "openid", " ").holds(t, 200, "No users are selected")
	b.post(base+"/amend", "openid", follower(2), "reason", "x").holds(t, 200, "Nothing changed: they are not on the blacklist any more.")
	b.post(at+"/end", "openid", follower(2)).holds(t, 200, follower(2)+" was not protected.")
	b.post(at, "openids", one, "why", "other").holds(t, 200, "They were protected already", "other")
	b.post(at, "openids", one, "why", "staff & co").holds(t, 200)
	s.as("viewer").post(base+"/block", "openid", one, "ends", "x").holds(t, 403, "You may not do this")
	b.post(base+"/confirm", "action", "block", "openid", one, "openid", two).holds(t, 200, "None of the 2 users can be blocked", "Close")
	b.get(base+"/followers?q="+one[:14]).holds(t, 200, ">Protected</span>", `value="`+one+`" aria-label="Select `+one+`" disabled`)
	preview := b.upload(base+"/bulk", "block", strings.Join([]string{one, two, follower(2)}, "\n"))
	preview.holds(t, 200, "1 user would be blocked.", `data-kind="protected"><th scope="row">Protected</th><td class="number">2<`)
	seen := s.as("viewer").get(preview.path)
	seen.holds(t, 200, "Only an operator can start this list", "1 user would be blocked.", `href="`+base+`/bulk"`)
	if strings.Contains(seen.body, `id="start"`) || strings.Contains(seen.body, `id="drop"`) {
		t.Errorf("who may not start a list is asked to: %s", seen.body)
	}
	b.post(base+"/unblock", "openid", two)
	b.get(base+"/history/2/undo").holds(t, 200, "1 user was changed since, is protected, or is past the end", ">Protected</span>", "nothing to undo")
	b.post("/language", "lang", "zh-CN")
	b.get("/audit").holds(t, 200, "保护用户", "staff &amp; co", "/a/"+string(testApp)+"/openids/"+one)
	b.post("/language", "lang", "en")

	b.post(at+"/end", "openid", one).holds(t, 200, "The protection of "+one+" has ended.", two)
	b.post(block, "openid", one, "reason", "spam").holds(t, 200)
}

// The page of an OpenID says who has protected it, and why; an admin protects it there, and
// ends that. Whom nobody can block has no button for it.
func TestProtectedOnItsPage(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	at := "/accounts/" + string(testApp) + "/protected"
	page := "/a/" + string(testApp) + "/openids/" + follower(0)
	lacks := func(a answer, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if strings.Contains(a.body, text) {
				t.Errorf("%s: with %q", a.path, text)
			}
		}
	}
	a := b.get(page)
	a.holds(t, 200, `id="protect"`, `id="act"`)
	lacks(a, `id="protected"`)
	a = b.post(at, "openids", follower(0), "why", "staff & co", "back", page)
	a.holds(t, 200, "1 more person is protected.", `id="protected"`, "staff &amp; co", "admin", "nobody can block them", `id="unprotect"`)
	lacks(a, `id="act"`, `id="protect"`)
	a = s.as("viewer").get(page)
	a.holds(t, 200, `id="protected"`, "staff &amp; co")
	lacks(a, `id="unprotect"`)
	lacks(s.as("operator").get("/a/"+string(testApp)+"/openids/"+follower(1)), `id="protect"`)
	a = b.post(at+"/end", "openid", follower(0), "back", page)
	if a.path != page {
		t.Errorf("at %s", a.path)
	}
	a.holds(t, 200, "has ended", `id="act"`)
	lacks(a, `id="protected"`)

	b.post("/a/"+string(testApp)+"/block", "openid", follower(0), "reason", "spam").holds(t, 200)
	b.post(at, "openids", follower(0), "why", "staff", "back", page).holds(t, 200, "blocked before they were protected", `id="act"`)
	b.post("/language", "lang", "zh-CN")
	b.get(page).holds(t, 200, "设置保护前已被拉黑")
}
