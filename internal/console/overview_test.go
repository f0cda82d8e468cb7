package console

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"mpblock"
)

// What the overview counts leads to what it counts, whatever zone the viewer is in: its
// days are those of UTC+8.
func TestFiguresLeadToWhatTheyCount(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	b.post("/language", "lang", "en")
	yesterday := time.Now().In(mpblock.Zone).AddDate(0, 0, -1)
	late := time.Date(yesterday.Year(), yesterday.Month(), yesterday.Day(), 0, 0, 1, 0, mpblock.Zone) // the day before, in UTC
	for n, reason := range []string{"old", "new"} {
		id, err := mpblock.ParseOpenID(follower(n))
		if err != nil {
			t.Fatal(err)
		}
		batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "console:operator", Reason: reason, Time: late.AddDate(0, 0, -8*(1-n))}
		if _, err := s.store.Apply(t.Context(), testApp, batch); err != nil {
			t.Fatal(err)
		}
	}
	b.post(base+"/unblock", "openid", follower(0), "reason", "sorry")
	page := b.get(base + "?days=7")
	page.holds(t, 200, late.Format("01-02")+": 1 blocked, 0 unblocked", `href="`+base+`/blacklist?reason=old"`, `href="`+base+`/history?action=block&amp;reason=old"`)
	if old := late.AddDate(0, 0, -8).Format("01-02") + ": 1 blocked"; strings.Contains(page.body, old) {
		t.Errorf("seven days have %q", old)
	}
	b.get(base).holds(t, 200, late.AddDate(0, 0, -8).Format("01-02")+": 1 blocked", `aria-current="true"><span>30 days`)
	b.get(base+"?days=90").holds(t, 200, `aria-current="true"><span>90 days`)
	for _, days := range []string{"8", "x", "-7"} {
		b.get(base+"?days="+days).holds(t, 404)
	}
	link := regexp.MustCompile(`href="([^"]*day=` + late.Format(time.DateOnly) + `)" aria-label`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("no bar leads to the day:\n%s", page.body)
	}
	r := b.request("GET", html.UnescapeString(link[1]), nil)
	r.Header.Set("Cookie", "mpblock_zone=America%2FLos_Angeles")
	day := b.do(r)
	day.holds(t, 200, ">new<", late.Format(time.DateOnly)+" (UTC&#43;8)")
	if strings.Contains(day.body, "sorry") || strings.Contains(day.body, "<td class=\"reason\" data-label=\"Reason\">old") {
		t.Errorf("changes of other days:\n%s", day.body)
	}
	b.get(base+"/history?day=2026-13-01").holds(t, 422, "2026-13-01")
	b.get(base+"/history").holds(t, 200, `href="`+base+`/history?actor=console%3Aoperator"`)
}
