package console

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/operators"
)

// A change that a job has made leads to the job, wherever it stands.
func TestJobsAreLinks(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	job := b.upload(base+"/bulk", "block", follower(0)).path
	b.post(job + "/start")
	b.wait(job + "/progress")
	for _, path := range []string{base, base + "/blacklist", base + "/history", base + "/history/1", base + "/openids/" + follower(0)} {
		b.get(path).holds(t, 200, `<a href="`+job+`">job `)
	}
}

// TestSearch: what can only be one thing opens at once, whatever stands around it.
func TestSearch(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	b.post(base+"/block", "openid", follower(0), "reason", "Loud advertising")
	job := b.upload(base+"/bulk", "block", follower(1)).path
	b.post(job + "/start")
	b.wait(job + "/progress")
	id := strings.TrimPrefix(job, base+"/jobs/")
	stranger := mpblock.Mint(testPrefix, mpblock.Key{}, "stranger").String()
	for asked, want := range map[string]string{
		follower(5): "/openids/" + follower(5), `  "` + follower(5) + `"`: "/openids/" + follower(5), "openid=" + follower(5): "/openids/" + follower(5),
		"\u200b" + follower(5) + "\n": "/openids/" + follower(5), stranger: "/openids/" + stranger, follower(5)[:27]: "/openids/" + follower(5),
		"#1": "/history/1", "＃2": "/history/2", "1": "/history/1", id: "/jobs/" + id, "job " + id: "/jobs/" + id, "任务 " + id: "/jobs/" + id, "job:" + id: "/jobs/" + id,
		id[14:22]: "/jobs/" + id, "loud ADV": "/blacklist?reason=Loud+advertising",
	} {
		if a := b.get(base + "/search?q=" + url.QueryEscape(asked)); a.status != 200 || a.path != base+want {
			t.Errorf("%q: %d %s, want %s", asked, a.status, a.path, want)
		}
	}
	many := b.get(base + "/search?q=" + follower(5)[:6])
	many.holds(t, 200, `data-group="followers"`, base+"/followers?q="+follower(5)[:6], follower(5)[:6])
	if n := strings.Count(many.body, "<li><a"); n < groupHits {
		t.Errorf("%d hits, want %d and the navigation", n, groupHits)
	}
	b.get(base+"/search?q="+follower(0)+"+"+stranger).holds(t, 200, `data-group="openids"`, follower(0), stranger, "Blocked")
	for _, nothing := range []string{"nobody at all", "#99", "999999", "O3sNotHere", "261127212733-060775-demo", `"><b>`} {
		b.get(base+"/search?q="+url.QueryEscape(nothing)).holds(t, 200, "No results for “", "such as #25")
	}
	b.get(base+"/search").holds(t, 200, "You can look for")
	for _, path := range []string{"/followers", "/blacklist", "/history"} {
		if a := b.get(base + path + "?q=openid%3D" + stranger); a.path != base+"/openids/"+stranger {
			t.Errorf("%s: at %s", path, a.path)
		}
	}
	b.get(base+"/followers?q=not+an+id").holds(t, 200, "No results for “not an id”")
}

// TestSearchOfAnotherAccount: an OpenID of another account of the operator leads there; of
// one that he may not see nothing is told.
func TestSearchOfAnotherAccount(t *testing.T) {
	s := filled(t)
	other := mpblock.Mint(s.account(otherApp).Prefix, mpblock.Key{}, "x").String()
	nobodys := mpblock.Mint(mpblock.Prefix{7, 7, 7, 7}, mpblock.Key{}, "x").String()
	admin := s.as("admin")
	admin.get(base+"/search?q="+other).holds(t, 200, "This OpenID is of “Other”.", `<a href="/a/`+string(otherApp)+`/openids/`+other+`">Go there →`)
	admin.get(base+"/search?q="+nobodys).holds(t, 200, nobodys+" is not an OpenID of this account")
	limited := s.as("limited")
	a := limited.get("/a/" + string(otherApp) + "/search?q=" + follower(0))
	a.holds(t, 200, follower(0)+" is not an OpenID of this account: it is neither a follower nor blocked.")
	if strings.Contains(a.body, "Tea") || strings.Contains(a.body, string(testApp)) {
		t.Error("it tells of an account that is not the operator's")
	}
	limited.get(base+"/search?q=x").holds(t, 404)
}

// The search is on every page of whoever has an account, and takes any OpenID where the account does.
func TestSearchIsEverywhere(t *testing.T) {
	s := filled(t)
	b := s.as("admin")
	for _, path := range []string{base, base + "/followers", base + "/bulk", "/accounts", "/me", base + "/openids/" + follower(0), base + "/nothing"} {
		if a := b.get(path); !strings.Contains(a.body, `action="`+base+`/search"`) || strings.Contains(a.body, `type="search" maxlength`) {
			t.Errorf("%s: no search", path)
		}
	}
	b.post("/accounts/"+string(testApp), "name", "Tea", "any", "1")
	stranger := mpblock.Mint(testPrefix, mpblock.Key{}, "stranger").String()
	b.get(base+"/followers?q="+stranger).holds(t, 200, stranger, `id="act"`)
}

// TestSearchByRemark: who is known by a remark is found by a part of it.
func TestSearchByRemark(t *testing.T) {
	s := filled(t)
	session, err := s.operators.Login(t.Context(), operators.Attempt{Name: "operator", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := s.desks.Desk(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	set := func(n int, name, remark string) {
		t.Helper()
		if err := desk.SetRemark(t.Context(), testApp, follower(n), name, remark); err != nil {
			t.Fatal(err)
		}
	}
	set(0, "Li", "the one with the <tea>")
	b := s.as("viewer")
	if a := b.get(base + "/search?q=THE+ONE"); a.path != base+"/openids/"+follower(0) {
		t.Errorf("at %s", a.path)
	}
	for n := 1; n < 20; n++ {
		set(n, "", "one of many")
	}
	at, seen := base+"/search?q=one+of", 0
	for at != "" {
		a := b.get(at)
		a.holds(t, 200, `data-group="remarks"`, "<strong>one of many</strong>")
		seen += strings.Count(a.body, "<strong>one of many")
		if at = ""; strings.Contains(a.body, ">Go on<") {
			at = strings.ReplaceAll(regexp.MustCompile(`href="([^"]+)">Go on<`).FindStringSubmatch(a.body)[1], "&amp;", "&")
		}
	}
	if seen != 19 {
		t.Errorf("%d were found, want 19", seen)
	}
	b.get(base+"/search?q="+follower(0)+","+follower(1)).holds(t, 200, "<strong>the one with the &lt;tea&gt; Li</strong>")
}
