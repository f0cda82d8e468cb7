package console

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/console/taken"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
)

// ids returns the OpenIDs in the rows of a list, in their order.
func (a answer) ids() []string {
	var ids []string
	for _, m := range regexp.MustCompile(`data-openid="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// apply makes a change with a time and an actor of its own.
func (s *site) apply(action mpblock.Action, actor, reason string, at time.Time, ids ...string) {
	s.t.Helper()
	b := mpblock.Batch{Action: action, Actor: actor, Reason: reason, Time: at}
	for _, id := range ids {
		b.OpenIDs = append(b.OpenIDs, mpblock.OpenID([]byte(id)))
	}
	if _, err := s.store.Apply(s.t.Context(), testApp, b); err != nil {
		s.t.Fatal(err)
	}
}

// The newest come first, unless one asks for the order of the OpenIDs; the head says which.
func TestOrder(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	low, high := follower(0), follower(1)
	if low > high {
		low, high = high, low
	}
	now := time.Now()
	s.apply(mpblock.Block, "api", "", now.Add(-time.Hour), low)
	s.apply(mpblock.Block, "api", "", now, high)
	newest := b.get(base + "/blacklist")
	newest.holds(t, 200, `aria-sort="descending"><a href="`+base+`/blacklist?sort=newest"`, `<a href="`+base+`/blacklist?sort=openid" id="sort-openid"`)
	if got := newest.ids(); !slices.Equal(got, []string{high, low}) {
		t.Errorf("newest first: %q", got)
	}
	byID := b.get(base + "/blacklist?sort=openid&reason=&actor=api")
	byID.holds(t, 200, `aria-sort="ascending"><a href="`+base+`/blacklist?actor=api&amp;sort=openid"`)
	if got := byID.ids(); !slices.Equal(got, []string{low, high}) {
		t.Errorf("by OpenID: %q", got)
	}
	b.get(base+"/blacklist?q="+low[:6]).holds(t, 200, `aria-sort="ascending"`)
}

// Filters are picked: spans, reasons with counts, people with their jobs.
func TestFilters(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	now := time.Now()
	s.apply(mpblock.Block, "operator", "Old Spam", now.AddDate(0, 0, -40), follower(0)) // as the demo's seed is
	s.apply(mpblock.Block, "api", "", now.AddDate(0, 0, -20), follower(1))
	s.apply(mpblock.Block, "console:viewer", "spam", now.AddDate(0, 0, -3), follower(2))
	b.post(base+"/block", "openid", follower(3), "reason", "SPAM again")
	job := b.upload(base+"/bulk", "block", follower(4)).path
	b.post(job+"/start", "reason", "raid")
	b.wait(job + "/progress")
	id := strings.TrimPrefix(job, base+"/jobs/")
	for query, want := range map[string][]int{
		"days=1": {4, 3}, "days=7": {4, 3, 2}, "days=30": {4, 3, 2, 1}, "": {4, 3, 2, 1, 0}, "reason=spam": {3, 2, 0}, "actor=operator": {4, 3, 0},
		"actor=console:operator": {4, 3, 0}, "actor=viewer": {2}, "actor=api": {1}, "actor=job:" + id: {4}, "days=30&reason=spam&actor=operator": {3},
	} {
		a := b.get(base + "/blacklist?" + query)
		var ids []string
		for _, n := range want {
			ids = append(ids, follower(n))
		}
		if got := a.ids(); !slices.Equal(got, ids) {
			t.Errorf("%s: %q, want %q", query, got, ids)
		}
		if query != "" {
			a.holds(t, 200, fmt.Sprintf("%d of 5<", len(ids)), `id="clear"`)
		}
		h := b.get(base + "/history?" + query)
		if n := strings.Count(h.body, `data-seq=`); n != len(ids) {
			t.Errorf("history %s: %d changes, want %d", query, n, len(ids))
		}
	}
	a := b.get(base + "/blacklist?days=7")
	a.holds(t, 200, `<a href="`+base+`/blacklist?days=7" aria-current="true"><span>7 days`, `<span>Old Spam</span> <span class="soft">1</span>`,
		`?actor=console%3Aviewer&amp;days=7"`, `?actor=job%3A`+id, "<span>API</span>", `<input type="hidden" name="days" value="7">`)
	b.get(base+"/blacklist?actor=console:removed").holds(t, 200, "By: removed", "Nobody on the blacklist matches")
	b.get(base+"/blacklist?days=x").holds(t, 404)
	if strings.Contains(b.get("/a/"+string(otherApp)+"/blacklist").body, id) {
		t.Error("the jobs of another account are offered")
	}
}

// A walk that has found nothing says how far it has come, and that somebody fits it does not deny.
func TestNothingYet(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	begin := time.Now().Add(-48 * time.Hour)
	s.apply(mpblock.Block, "console:anna", "rare", begin, follower(0))
	for i := range 30_000 {
		s.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], "api", "", begin.Add(time.Duration(i)*time.Second), follower(1))
	}
	at := base + "/blacklist?reason=rare"
	for n := 0; ; n++ {
		a := b.get(at)
		if strings.Contains(a.body, "Nobody on the blacklist matches") {
			t.Fatalf("%s: nobody, it says", at)
		}
		if len(a.ids()) == 1 {
			a.holds(t, 200, follower(0))
			if n == 0 {
				t.Error("the whole log was walked through at once")
			}
			break
		}
		a.holds(t, 200, "Nothing yet down to <time", "of 1 so far<", `hx-get="`+base+`/blacklist/count?reason=rare&amp;after=`)
		at = link(a, "page-next")
	}
	if a := b.get(base + "/history"); strings.Contains(a.body, "Looked down to") || strings.Contains(a.body, "Nothing yet") {
		t.Error("history without a filter is stopped")
	}
	b.get(base+"/history?actor=anna").holds(t, 200, "Nothing yet down to <time")
	at = base + "/blacklist?reason=rare"
	for n := 0; n < 20 && at != ""; n++ { // as htmx does
		a := b.get(at)
		at = ""
		if m := regexp.MustCompile(`hx-get="([^"]+)"`).FindStringSubmatch(a.body); m != nil {
			at = strings.ReplaceAll(m[1], "&amp;", "&")
			continue
		}
		a.holds(t, 200, "1 of 1<", `hx-swap-oob="true">Select all 1<`)
	}
	if at != "" {
		t.Error("it counts for ever")
	}
}

// All that fit can be taken at once, as a job with a preview that adds up.
func TestTakeAll(t *testing.T) {
	s := filled(t)
	s.run()
	b := s.as("operator")
	var ids []string
	for i := range 100 {
		ids = append(ids, follower(i))
	}
	s.apply(mpblock.Block, "api", "spam", time.Now(), ids[:80]...)
	s.apply(mpblock.Block, "api", "other", time.Now(), ids[80:]...)
	list := b.get(base + "/blacklist?reason=SPAM")
	list.holds(t, 200, "50 of 100 so far<", `form="take-all" data-take>Select all that match<`, `<form id="take-all" method="post" action="`+base+`/blacklist/take?reason=SPAM&amp;">`)
	for _, first := range []answer{list, b.get(base + "/blacklist?reason=SPAM&sort=openid"), b.get(base + "/blacklist?reason=SPAM&q=o")} {
		more := regexp.MustCompile(`hx-get="([^"]+)"`).FindStringSubmatch(first.body)
		if more == nil {
			t.Fatalf("%s: it does not count on", first.path)
		}
		b.get(strings.ReplaceAll(more[1], "&amp;", "&")).holds(t, 200, "80 of 100<", `hx-swap-oob="true">Select all 80<`)
	}
	b.get(link(list, "page-next")).holds(t, 200, "30 of 100 so far<", `count?reason=SPAM&amp;after=&amp;n=0"`)
	preview := b.post(base + "/blacklist/take?reason=SPAM")
	preview.holds(t, 200, "All 80 that match are in this list", "80 users would be unblocked", "Nothing has changed yet",
		"80 from the blacklist that match: reason contains “SPAM”.")
	b.get(base+"/blacklist").holds(t, 200, "(100)")
	b.post(preview.path+"/start", "reason", "forgiven")
	b.wait(preview.path + "/progress")
	rest := b.get(base + "/blacklist")
	if got := rest.ids(); len(got) != 20 || slices.Contains(got, ids[0]) {
		t.Errorf("%d are left", len(got))
	}
	b.post(base+"/blacklist/take?reason=nothing").holds(t, 422, "The list is empty")
	b.post(base+"/blacklist/take?q="+url.QueryEscape(follower(0))).holds(t, 404)
	s.as("viewer").post(base+"/blacklist/take?reason=other").holds(t, 403)
	if a := s.as("viewer").get(base + "/blacklist?reason=other"); strings.Contains(a.body, "take-all") {
		t.Error("a viewer may take all")
	}
}

// The preview of what was taken says by which filter, in the language of the page, and on
// which day the last days had begun.
func TestTakenNamesItsFilter(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	s.apply(mpblock.Block, "console:operator", "spam", time.Now(), follower(0))
	today := time.Now().In(mpblock.Zone).Format(time.DateOnly)
	for query, want := range map[string]string{
		"":                                "1 人，取自全部黑名单。",
		"?sort=openid":                    "1 人，取自全部黑名单。",
		"?reason=spam&days=1":             "1 人，取自黑名单中符合以下条件的：理由包含“spam”；" + today + " 或之后加入。",
		"?actor=operator&to=" + today:     "1 人，取自黑名单中符合以下条件的：操作人为operator；" + today + " 或之前加入。",
		"?day=" + today + "&q=o&page=ten": "1 人，取自黑名单中符合以下条件的：OpenID 以 o 开头；" + today + "（北京时间）加入。",
	} {
		b.post("/language", "lang", "zh-CN")
		preview := b.post(base + "/blacklist/take" + query)
		preview.holds(t, 200, `<p class="soft read">`+want+"</p>")
		b.post("/language", "lang", "en")
		b.get(preview.path).holds(t, 200, `<p class="soft read">1`)
	}
}

// No more is taken than a job takes, and that is said.
func TestTakenIsBounded(t *testing.T) {
	s := filled(t)
	s.apply(mpblock.Block, "api", "", time.Now(), follower(0), follower(1), follower(2))
	for most, more := range map[int]bool{2: true, 3: false} {
		all := &taken.All{Rows: s.lists.Export(t.Context(), testApp, lists.EntryQuery{}), Most: most}
		j, err := s.jobs.Draft(t.Context(), s.account(testApp), "anna", mpblock.Unblock, all)
		if err != nil || j.Preview.New != most || all.N != most || all.More != more || j.State != jobs.JobDraft {
			t.Errorf("at most %d: %+v, %d taken, more %t, %v", most, j.Preview, all.N, all.More, err)
		}
	}
}
