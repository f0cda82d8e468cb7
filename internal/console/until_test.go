package console

import (
	"strings"
	"testing"
)

// Somebody is blocked for some days, shows how long, is amended, and the lists and the
// export tell the end.
func TestEnds(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	b.post(base+"/block", "openid", follower(0), "openid", follower(1), "reason", "spam", "ends", "3")
	b.post(base+"/block", "openid", follower(2))
	b.get(base+"/blacklist").holds(t, 200, "3 days left", "For ever")
	b.get(base+"/blacklist?ends=1").holds(t, 200, "Nobody on the blacklist matches")
	soon := b.get(base + "/blacklist?ends=7")
	soon.holds(t, 200, follower(0), follower(1), "Within 7 days")
	if strings.Contains(soon.body, `data-openid="`+follower(2)) {
		t.Error("who is blocked for ever is among those that end soon")
	}
	b.get(base+"/blacklist?ends=x").holds(t, 404)
	csv := b.get(base + "/blacklist/export?format=csv").body
	if !strings.Contains(csv, "openid,seq,blocked_at,actor,reason,name,remark,until") || strings.Count(csv, "Z\r\n")+strings.Count(csv, "Z\n") != 2 {
		t.Errorf("the export:\n%s", csv)
	}
	b.post(base+"/confirm", "action", "amend", "openid", follower(0)).holds(t, 200, "Change this user’s reason and end", `value="spam"`, "As it is (until")
	b.post(base+"/amend", "openid", follower(0), "reason", "scam", "ends", "").holds(t, 200, "Reason and end are changed.", "scam")
	b.get(base+"/openids/"+follower(0)).holds(t, 200, "For ever", "Amended", `<li class="amend">`, "Change reason or end")
	b.get(base+"/history").holds(t, 200, "Amended", "until")
	b.get(base+"/history?action=amend").holds(t, 200, "scam")
	b.get(base+"/history/3/undo").holds(t, 200, "1 user gets back the reason and the end that they had.")
	b.post(base+"/history/3/undo").holds(t, 200)
	b.get(base+"/openids/"+follower(0)).holds(t, 200, "3 days left")
	b.post(base+"/block", "openid", follower(3), "ends", "x").holds(t, 422, "No such end")
	b.post(base+"/block", "openid", follower(3), "ends_on", "2001-01-01", "ends", "7", "reason", "spam <7>", "back", base+"/followers?q=o").holds(t, 422,
		"with 2001-01-01: give a last day from", `value="2001-01-01"`, `value="7" selected`, `value="spam &lt;7&gt;"`, `name="openid" value="`+follower(3)+`"`, base+"/followers?q=o")
	b.post(base+"/amend", "openid", follower(0), "ends_on", "2001-01-01", "ends", "", "reason", "other").holds(t, 422, "As it is (until", `value="other"`, `option value=""`)
	b.post(base+"/unblock", "openid", "nonsense", "reason", "slip").holds(t, 422, "not an OpenID", `value="slip"`, `name="openid" value="nonsense"`)
	draft := b.upload(base+"/bulk", "block", follower(4)+"\n")
	draft.holds(t, 200, "Or the last day")
	b.post(draft.path+"/start", "ends_on", "2001-01-01", "ends", "30", "reason", "many").holds(t, 422,
		"with 2001-01-01: give a last day from", `value="2001-01-01"`, `value="30" selected`, `value="many"`, "1 user would be blocked")
	b.post(draft.path+"/start", "ends", "30", "reason", "many").holds(t, 200, "many")
}
