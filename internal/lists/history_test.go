package lists

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists/walk"
)

// told reads all pages of a history in which jobs are whole: seqs, and jobs as -1, a page each.
func (l *logged) told(q ChangeQuery) (pages [][]string) {
	l.t.Helper()
	for q.Whole = true; ; {
		page, err := l.svc.History(l.t.Context(), l.app, q)
		if err != nil {
			l.t.Fatal(err)
		}
		var rows []string
		for _, r := range page.Rows {
			rows = append(rows, fmt.Sprint(r.Seq, r.Job))
		}
		pages = append(pages, rows)
		if q.Before, q.Told = page.Next, page.Told; q.Before == 0 {
			return pages
		}
	}
}

// A job is one row, where its newest change stands, whatever was done meanwhile, and on
// whichever page its other changes come.
func TestWholeJobs(t *testing.T) {
	l := newLogged(t, 2)
	n := 0
	did := func(actor string) {
		l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[n%2], actor, "", 0, 1)
		n++
	}
	job := func(name string) string { return l.now.UTC().Format("060102150405") + "-00beef-" + name }
	did("api") // 1
	anna := job("anna")
	for range 3 {
		did("job:" + anna) // 2, 4, 6
		did("api")         // 3, 5, 7
	}
	l.now = l.now.Add(time.Hour)
	bert := job("bert")
	for range 40 {
		did("job:" + bert) // 8 to 47
	}
	did("api") // 48
	for _, test := range []struct {
		q    ChangeQuery
		want string
	}{
		{ChangeQuery{Limit: 10}, "[[48 47" + bert + " 7 6" + anna + " 5 3 1]]"},
		{ChangeQuery{Limit: 2}, "[[48 47" + bert + "] [7 6" + anna + "] [5 3] [1]]"},
		{ChangeQuery{Limit: 1}, "[[48] [47" + bert + "] [7] [6" + anna + "] [5] [3] [1]]"},
		{ChangeQuery{Limit: 2, Actor: "console:anna"}, "[[6" + anna + "]]"},
		{ChangeQuery{Limit: 9, Until: l.now.Add(-30 * time.Minute), Actor: "console:anna"}, "[[6" + anna + "]]"},
	} {
		if got := fmt.Sprint(l.told(test.q)); got != test.want {
			t.Errorf("%+v: %s, want %s", test.q, got, test.want)
		}
	}
	if o, err := l.svc.Overview(t.Context(), l.app); err != nil || len(o.Last) != 7 || o.Last[1].Job != bert {
		t.Errorf("overview %+v, %v", o.Last, err)
	}
	if got := l.history(ChangeQuery{Limit: 9, Actor: "job:" + anna}); !slices.Equal(got, []uint64{6, 4, 2}) {
		t.Errorf("its changes: %v", got)
	}
}

// A job of more changes than one walk meets is one row too, and the walk says how far it has come.
func TestWholeLongJob(t *testing.T) {
	l := newLogged(t, 1)
	job := l.now.UTC().Format("060102150405") + "-00beef-anna"
	l.apply(mpblock.Block, "api", "", 0, 1)
	for i := range walk.MaxChanges + 5 {
		l.apply([]mpblock.Action{mpblock.Unblock, mpblock.Block}[i%2], "job:"+job, "", 0, 1)
	}
	page, err := l.svc.History(t.Context(), l.app, ChangeQuery{Limit: 10, Whole: true})
	if err != nil || len(page.Rows) != 1 || page.Reached.IsZero() || page.Next != 7 || !slices.Equal(page.Told, []string{job}) {
		t.Fatalf("%+v, %v", page, err)
	}
	if got := fmt.Sprint(l.told(ChangeQuery{Limit: 10})); got != fmt.Sprintf("[[%d%s] [1]]", walk.MaxChanges+6, job) {
		t.Error(got)
	}
}
