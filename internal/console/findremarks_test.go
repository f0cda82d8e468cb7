package console

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/remarks"
)

// A part of a remark or a name finds the person from any page.
func TestSearchOfRemarks(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	for i, remark := range []string{"Pushy seller", "seller, <b>shoes</b>", "卖鞋的"} {
		b.post(base+"/openids/"+follower(i)+"/remark", "remark", remark, "name", fmt.Sprint("Person ", i))
	}
	b.post(base+"/block", "openid", follower(1))
	for asked, want := range map[string]int{"SHOES": 1, "鞋": 2, "person 0": 0, " pushy  ": 0} {
		if a := b.get(base + "/search?q=" + url.QueryEscape(asked)); a.path != base+"/openids/"+follower(want) {
			t.Errorf("%q: at %s", asked, a.path)
		}
	}
	b.get(base+"/search?q=Seller").holds(t, 200, `data-group="remarks"`, follower(0), follower(1)+`</a> <span class="label black">`, "<strong>seller, &lt;b&gt;shoes&lt;/b&gt; Person 1")
	first := follower(0)
	for i := range followers {
		first = min(first, follower(i))
	}
	b.post(base+"/openids/"+first+"/remark", "remark", "the first", "name", "")
	b.get(base+"/search?q="+first[:6]).holds(t, 200, `data-group="followers"`, `<strong>the first</strong>`)
	b.get(base+"/search?q="+follower(0)+"+"+follower(1)).holds(t, 200, "<strong>Pushy seller Person 0</strong>")
	b.get(base+"/search?q=x&after=nonsense").holds(t, http.StatusUnprocessableEntity, "begin with the first one")
	if a := s.as("limited").get("/a/" + string(otherApp) + "/search?q=shoes"); strings.Contains(a.body, "Person") {
		t.Error("it tells of another account")
	}
}

// A search that has looked at enough says how far it has come, and goes on, by itself
// where there is a script.
func TestSearchOfManyRemarks(t *testing.T) {
	s := filled(t)
	const many = 45_000
	rows := make([]remarks.Row, 0, many)
	for i := range many {
		id := mpblock.Mint(testPrefix, mpblock.Key{7}, fmt.Sprint(i))
		rows = append(rows, remarks.Row{OpenID: id, Remark: remarks.Remark{Name: "nobody"}})
	}
	slices.SortFunc(rows, func(a, b remarks.Row) int { return a.OpenID.Compare(b.OpenID) })
	rows[many-1].Name = "Needle"
	if err := remarks.New(s.store, nil).Import(t.Context(), s.account(testApp), "test", rows); err != nil {
		t.Fatal(err)
	}
	b := s.as("viewer")
	goesOn := regexp.MustCompile(`hx-get="([^"]*)" hx-trigger="load" hx-swap="outerHTML"><span class="soft">Nothing yet in the [0-9,]+ remarks`)
	for _, asked := range []string{"needle", "not there"} {
		a := b.get(base + "/search?q=" + url.QueryEscape(asked))
		if strings.Contains(a.body, "Nothing is found") {
			t.Fatalf("%q: it says that there is nothing before it has looked", asked)
		}
		steps := 0
		for m := goesOn.FindStringSubmatch(a.body); m != nil; m = goesOn.FindStringSubmatch(a.body) {
			b.get(html.UnescapeString(m[1])).holds(t, 200, "<html") // without a script
			r := b.request(http.MethodGet, html.UnescapeString(m[1]), nil)
			r.Header.Set("HX-Request", "true")
			if a = b.do(r); strings.Contains(a.body, "<html") {
				t.Fatal("a page in a piece of a page")
			}
			steps++
		}
		if found := strings.Contains(a.body, rows[many-1].OpenID.String()); found != (asked == "needle") || steps < 2 {
			t.Errorf("%q after %d steps: %s", asked, steps, a.body)
		}
		if asked != "needle" {
			a.holds(t, 200, "Nothing in any of the remarks.")
		}
	}
	first := b.get(base + "/search?q=nobody")
	if n := strings.Count(first.body, "<strong>nobody"); n != groupHits || goesOn.MatchString(first.body) {
		t.Errorf("%d hits, by itself: %v", n, goesOn.MatchString(first.body))
	}
}
