package browser

import (
	"net/http"
	"slices"
	"testing"

	"mpblock/client"
	"mpblock/internal/testserver"
)

// account is the address of the pages of the demo account.
const account = "/a/" + testserver.DemoAppID

// blacklist returns who is blocked, as the API tells it.
func blacklist(t *testing.T, s *testserver.Server) map[string]bool {
	t.Helper()
	token, err := s.Token()
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Walk(http.DefaultClient, token)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tick ticks the first n followers of the page that are not blocked, and returns
// their OpenIDs.
func (b *tab) tick(n int) []string {
	b.t.Helper()
	free := eval[[]string](b, `[...document.querySelectorAll("input[name=openid][type=checkbox]:not(:disabled)")].map(e => e.value)`)
	if len(free) < n {
		b.t.Fatalf("the page has %d to tick, want %d", len(free), n)
	}
	for _, id := range free[:n] {
		b.click(`input[value="` + id + `"]`)
	}
	slices.Sort(free[:n])
	return free[:n]
}

// block blocks what is ticked, with a reason, through the dialog.
func (b *tab) block(reason string) {
	b.t.Helper()
	b.click("#act")
	b.fill("dialog[open] #why", reason)
	b.follow("dialog[open] #really")
}

func TestBlockUnblockUndo(t *testing.T) {
	s := serve(t)
	before := blacklist(t, s)
	c, err := client.New(testserver.DemoAppID, testserver.DemoSecret, client.WithBaseURL(s.Base))
	if err != nil {
		t.Fatal(err)
	}
	b := enter(t, s, "en")
	b.follow("nav a[href='" + account + "/followers']")
	ids := b.tick(3)
	b.block("spam")
	b.says("[data-notice=good]", "3 users are blocked.")

	added := func() []string {
		var added []string
		for id, err := range c.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if !before[string(id)] {
				added = append(added, string(id))
			}
		}
		return added
	}
	if got := added(); !slices.Equal(got, ids) {
		t.Fatalf("the console blocked %q, and the API has %q besides what it had", ids, got)
	}

	b.visit(account + "/openids/" + ids[1])
	b.says("#main", "This user is blocked.")
	b.click("#act")
	b.fill("dialog[open] #why", "a mistake")
	b.follow("dialog[open] #really")
	b.says("[data-notice=good]", "1 user is unblocked.")
	if got := added(); !slices.Equal(got, []string{ids[0], ids[2]}) {
		t.Fatalf("of %q the console unblocked the second, and the API has %q", ids, got)
	}

	b.follow("nav a[href='" + account + "/history']")
	b.follow("tbody tr:nth-child(2) a") // the first is the unblocking
	b.says("#main", "spam")
	b.follow("#undo")
	b.says("#would", "2 users will be unblocked.")
	b.says("#left", "1 user was changed since")
	b.says("#left-alone", ids[1])
	if got := added(); len(got) != 2 {
		t.Fatalf("the preview of an undo has changed something: %q", got)
	}
	b.fill("#note", "all a mistake")
	b.follow("#really")
	b.says("[data-notice=good]", "Undone for 2 users.")
	b.says("[data-notice=mind]", "1 user was changed since")
	b.says("#main", "all a mistake")
	if got := added(); len(got) != 0 {
		t.Fatalf("undone, and the API still has %q", got)
	}
}
