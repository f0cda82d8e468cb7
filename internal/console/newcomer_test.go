package console

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// lacks fails the test if the answer has one of the texts.
func (a answer) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("%s: with %q", a.path, text)
		}
	}
}

// Each question is called what it asks, also without a script, and offers the reasons for
// blocking where somebody is blocked.
func TestQuestionsAreCalledWhatTheyAsk(t *testing.T) {
	b := filled(t).as("operator")
	b.post(base+"/block", "openid", follower(0), "reason", "spam")
	b.post(base+"/confirm", "action", "block", "openid", follower(1)).holds(t, 200, `<h1 class="hidden">Block</h1>`, `data-fill="why">spam<`)
	b.post(base+"/confirm", "action", "amend", "openid", follower(0)).holds(t, 200, `<h1 class="hidden">Change this user’s reason and end</h1>`, `data-fill="why">spam<`)
	a := b.post(base+"/confirm", "action", "unblock", "openid", follower(0))
	a.holds(t, 200, `<h1 class="hidden">Unblock</h1>`)
	a.lacks(t, "data-fill")
	preview := b.upload(base+"/bulk", "unblock", follower(0)+"\n")
	preview.holds(t, 200, "Reason for unblocking")
	preview.lacks(t, "data-fill")
}

// A job says that it goes on as long as it does.
func TestJobGoesOn(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	page := b.upload(base+"/bulk", "block", follower(0)+"\n").path
	b.post(page+"/start", "reason", "raid").holds(t, 200, "You can close this page")
	s.run()
	b.wait(page+"/progress").lacks(t, "You can close this page")
	b.get(page).lacks(t, "You can close this page")
}

// Whose remark is looked for among the beginnings of OpenIDs is led to the search.
func TestBeginningLeadsToTheSearch(t *testing.T) {
	b := filled(t).as("operator")
	b.get(base+"/followers?q=asks").holds(t, 200, "No follower’s OpenID begins with “asks”", `href="`+base+`/search?q=asks"`)
}

// A bad link of a demo leads to the terminal, for there is nobody to ask for another.
func TestBadLinkOfADemo(t *testing.T) {
	s := filled(t)
	if _, err := s.operators.Demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(New(Options{Desks: s.desks, Operators: s.operators, Demo: true, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	a := s.browser().get("/demo?token=nonsense")
	a.holds(t, 422, "printed in its terminal")
	a.lacks(t, "Ask for a new one")
	s.browser().get("/password?token=nonsense").holds(t, 422, "Ask for a new one")
}
