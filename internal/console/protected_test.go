package console

import "testing"

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
	b.post(at, "openids", one+"\n"+two, "why", "staff & co").holds(t, 200, "Protected, and not before: 2.", one, "staff &amp; co", "admin", ">blocked<")
	b.post(block, "openid", one, "reason", "spam").holds(t, 422, one+" is protected by", "staff &amp; co")
	b.post("/language", "lang", "zh-CN")
	b.post(block, "openid", one, "reason", "spam").holds(t, 422, one+" 受保护")
	b.get("/audit").holds(t, 200, "保护用户", "staff &amp; co", "/a/"+string(testApp)+"/openids/"+one)
	b.post("/language", "lang", "en")

	b.post(at+"/end", "openid", one).holds(t, 200, "The protection of "+one+" has ended.", two)
	b.post(block, "openid", one, "reason", "spam").holds(t, 200)
}
