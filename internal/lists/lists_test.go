package lists

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists/walk"
	"mpblock/internal/memstore"
)

// logged is an account with a log that a test has written.
type logged struct {
	t   *testing.T
	svc *Service
	a   *mpblock.Account
	app mpblock.AppID
	ids []string
	now time.Time
}

func newLogged(t *testing.T, followers int) *logged {
	t.Helper()
	svc, a := open(t, memstore.New()), newAccount()
	return &logged{
		t: t, svc: svc, a: a, app: a.AppID, ids: follow(t, svc, a, followers),
		now: time.Now().Add(-time.Hour).Truncate(time.Millisecond),
	}
}

// on puts the lists on another store, which is to hold the same.
func (l *logged) on(store mpblock.Store) { l.svc = open(l.t, store) }

// apply writes a change of the followers from to (exclusive), a minute after the one
// before.
func (l *logged) apply(action mpblock.Action, actor, reason string, from, to int) mpblock.Change {
	l.t.Helper()
	l.now = l.now.Add(time.Minute)
	b := mpblock.Batch{Action: action, Actor: actor, Reason: reason, Time: l.now}
	for _, s := range l.ids[from:to] {
		b.OpenIDs = append(b.OpenIDs, mpblock.OpenID([]byte(s)))
	}
	c, err := l.svc.store.Apply(l.t.Context(), l.app, b)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *logged) index(id mpblock.OpenID) int { return slices.Index(l.ids, id.String()) }

// entries reads all pages of a query and returns the places of the OpenIDs.
func (l *logged) entries(q EntryQuery) (got []int, pages int) {
	l.t.Helper()
	for {
		page, err := l.svc.Entries(l.t.Context(), l.app, q)
		if err != nil {
			l.t.Fatal(err)
		}
		pages++
		for _, r := range page.Rows {
			got = append(got, l.index(r.OpenID))
		}
		if page.Next == "" {
			return got, pages
		}
		q.After = page.Next
	}
}

func (l *logged) exported(q EntryQuery) (got []int) {
	l.t.Helper()
	for r, err := range l.svc.Export(l.t.Context(), l.app, q) {
		if err != nil {
			l.t.Fatal(err)
		}
		got = append(got, l.index(r.OpenID))
	}
	return got
}

func TestFollowersPage(t *testing.T) {
	l := newLogged(t, 25)
	l.apply(mpblock.Block, "api", "", 3, 5)
	var got []string
	blocked := 0
	q := FollowerQuery{Limit: 10}
	for {
		page, err := l.svc.FollowerRows(t.Context(), l.app, q)
		if err != nil || page.Total != 25 {
			t.Fatalf("total %d, %v", page.Total, err)
		}
		for _, r := range page.Rows {
			got = append(got, r.OpenID.String())
			if r.Blocked {
				blocked++
			}
		}
		if q.After = page.Next; q.After == (mpblock.OpenID{}) {
			break
		}
	}
	if !slices.Equal(got, l.ids) || blocked != 2 {
		t.Errorf("%d followers, %d of them blocked", len(got), blocked)
	}
	for _, n := range []int{1, 5, 8, 9, 28} {
		prefix := l.ids[7][:n]
		var want []string
		for _, id := range l.ids {
			if strings.HasPrefix(id, prefix) {
				want = append(want, id)
			}
		}
		page, err := l.svc.FollowerRows(t.Context(), l.app, FollowerQuery{Prefix: " " + prefix, Limit: 100})
		got := []string{}
		for _, r := range page.Rows {
			got = append(got, r.OpenID.String())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("with the prefix %s: %v, want %v, %v", prefix, got, want, err)
		}
	}
	for _, prefix := range []string{"o!", strings.Repeat("o", 29)} {
		_, err := l.svc.FollowerRows(t.Context(), l.app, FollowerQuery{Prefix: prefix, Limit: 1})
		wantRefusal(t, err, "no OpenID begins with")
	}
	for _, limit := range []int{0, MaxRows + 1} {
		_, err := l.svc.FollowerRows(t.Context(), l.app, FollowerQuery{Limit: limit})
		wantRefusal(t, err, "want 1 to 200")
	}
}

func TestBlacklistPage(t *testing.T) {
	l := newLogged(t, 20)
	l.apply(mpblock.Block, "api", "", 0, 6)                                         // 1
	l.apply(mpblock.Block, "console:anna", "Spam 广告", 6, 10)                        // 2
	l.apply(mpblock.Unblock, "console:bert", "sorry", 2, 8)                         // 3
	c := l.apply(mpblock.Block, "job:261127212733-060775-anna", "spam again", 4, 7) // 4
	tests := []struct {
		name string
		q    EntryQuery
		want []int
	}{
		{"all", EntryQuery{}, []int{4, 5, 6, 8, 9, 0, 1}},
		{"prefix", EntryQuery{Prefix: l.ids[5]}, []int{5}},
		{"prefix of one that is not blocked", EntryQuery{Prefix: l.ids[2]}, nil},
		{"reason", EntryQuery{Reason: "SPAM"}, []int{4, 5, 6, 8, 9}},
		{"reason in Chinese", EntryQuery{Reason: "广告"}, []int{8, 9}},
		{"reason of an unblock", EntryQuery{Reason: "sorry"}, nil},
		{"person, with her jobs", EntryQuery{Actor: "console:anna"}, []int{4, 5, 6, 8, 9}},
		{"part of a person's name", EntryQuery{Actor: "console:ann"}, nil},
		{"job", EntryQuery{Actor: "job:261127212733-060775-anna"}, []int{4, 5, 6}},
		{"API", EntryQuery{Actor: "api"}, []int{0, 1}},
		{"actor and reason", EntryQuery{Actor: "console:anna", Reason: "spam again"}, []int{4, 5, 6}},
		{"actor and prefix", EntryQuery{Actor: "console:anna", Prefix: l.ids[6]}, []int{6}},
		{"since", EntryQuery{Since: c.Time}, []int{4, 5, 6}},
		{"until", EntryQuery{Until: c.Time}, []int{8, 9, 0, 1}},
		{"between", EntryQuery{Since: c.Time.Add(-2 * time.Minute), Until: c.Time}, []int{8, 9}},
		{"before all", EntryQuery{Until: c.Time.Add(-time.Hour)}, nil},
		{"after all", EntryQuery{Since: c.Time.Add(1)}, nil},
	}
	for _, tt := range tests {
		for _, limit := range []int{1, 2, 3, 100} {
			tt.q.Limit = limit
			if got, pages := l.entries(tt.q); !slices.Equal(got, tt.want) || pages != max(1, (len(got)+limit-1)/limit) {
				t.Errorf("%s, %d a page: %v on %d pages, want %v", tt.name, limit, got, pages, tt.want)
			}
		}
		if got := l.exported(tt.q); !slices.Equal(got, tt.want) {
			t.Errorf("%s, exported: %v, want %v", tt.name, got, tt.want)
		}
		if n, next, err := l.svc.CountEntries(t.Context(), l.app, tt.q); n != len(tt.want) || next != "" || err != nil {
			t.Errorf("%s, counted: %d, %q, %v", tt.name, n, next, err)
		}
		tt.q.ByID = true
		slices.Sort(tt.want)
		for _, limit := range []int{1, 2, 3, 100} {
			tt.q.Limit = limit
			if got, pages := l.entries(tt.q); !slices.Equal(got, tt.want) || pages != max(1, (len(got)+limit-1)/limit) {
				t.Errorf("%s by OpenID, %d a page: %v on %d pages, want %v", tt.name, limit, got, pages, tt.want)
			}
		}
	}
	page, err := l.svc.Entries(t.Context(), l.app, EntryQuery{Prefix: l.ids[5], Limit: 1})
	if err != nil || page.Total != 7 || len(page.Rows) != 1 || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if r := page.Rows[0]; r.Seq != 4 || r.Actor != "job:261127212733-060775-anna" || r.Reason != "spam again" || !r.Time.Equal(c.Time) {
		t.Errorf("blocked by %+v", r)
	}
	for _, q := range []EntryQuery{{After: "x"}, {After: "x", ByID: true}, {After: "1.x", Reason: "a"}, {After: "x", Reason: "a"}, {After: "0.", Reason: "a"}} {
		q.Limit = 1
		_, err := l.svc.Entries(t.Context(), l.app, q)
		wantRefusal(t, err, "begin with the first one")
	}
}

// A long log is searched a piece at a time, and nothing is lost between the pieces.
func TestLongSearch(t *testing.T) {
	l := newLogged(t, 1)
	const n = 3*walk.MaxChanges + 5
	for i := range n {
		reason := ""
		if i == 3 || i == n-2 {
			reason = "rare"
		}
		action := []mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2]
		l.apply(action, "api", reason, 0, 1)
	}
	var got []uint64
	q := ChangeQuery{Reason: "rare", Limit: 10}
	pages := 0
	for {
		page, err := l.svc.History(t.Context(), l.app, q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, r := range page.Rows {
			got = append(got, r.Seq)
		}
		if page.Next == 0 {
			break
		}
		if page.Reached.IsZero() {
			t.Errorf("a search that stopped at change %d does not say how far it came", page.Next)
		}
		q.Before = page.Next
	}
	if !slices.Equal(got, []uint64{n - 1, 4}) || pages != 4 {
		t.Errorf("found %v in %d pages", got, pages)
	}
	if got, pages := l.entries(EntryQuery{Actor: "api", Limit: 10}); !slices.Equal(got, []int{0}) || pages != 1 {
		t.Errorf("entries %v in %d pages", got, pages)
	}
	if got, pages := l.entries(EntryQuery{Actor: "nobody", Limit: 10}); len(got) != 0 || pages != 4 {
		t.Errorf("entries of nobody %v in %d pages", got, pages)
	}
}

// A change of many OpenIDs is looked through in pieces, too.
func TestSearchWithinAChange(t *testing.T) {
	l := newLogged(t, 2*maxLooked+100)
	l.apply(mpblock.Block, "api", "big", 0, len(l.ids))
	l.apply(mpblock.Unblock, "api", "", 1, len(l.ids)-1)
	got, pages := l.entries(EntryQuery{Reason: "big", Limit: 10})
	if !slices.Equal(got, []int{0, len(l.ids) - 1}) || pages != 3 {
		t.Errorf("entries %v in %d pages", got, pages)
	}
	got, pages = l.entries(EntryQuery{Reason: "big", Limit: 10, ByID: true})
	if !slices.Equal(got, []int{0, len(l.ids) - 1}) || pages != 1 {
		t.Errorf("by OpenID: %v in %d pages", got, pages)
	}
	if got := l.exported(EntryQuery{Reason: "big"}); !slices.Equal(got, []int{0, len(l.ids) - 1}) {
		t.Errorf("exported %v", got)
	}
}

// In the order of the OpenIDs, too, a search stops and says where.
func TestLongSearchByID(t *testing.T) {
	l := newLogged(t, maxByID+2*lookAtOnce)
	l.apply(mpblock.Block, "api", "often", 0, len(l.ids)-1)
	l.apply(mpblock.Block, "api", "rare", len(l.ids)-1, len(l.ids))
	q := EntryQuery{ByID: true, Reason: "rare", Limit: 10}
	page, err := l.svc.Entries(t.Context(), l.app, q)
	if err != nil || len(page.Rows) != 0 || page.Next == "" || page.ReachedID.String() != page.Next {
		t.Errorf("%d entries, next %q, reached %s, %v", len(page.Rows), page.Next, page.ReachedID, err)
	}
	if got, pages := l.entries(q); !slices.Equal(got, []int{len(l.ids) - 1}) || pages != 2 {
		t.Errorf("entries %v in %d pages", got, pages)
	}
}

// A search of the history is not stopped for the OpenIDs that changes name: it does not read them.
func TestHistoryIsNotStopped(t *testing.T) {
	const n = 30
	l := newLogged(t, 2*walk.MaxOpenIDs/n)
	for i := range n {
		l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], "api", "", 0, len(l.ids))
	}
	page, err := l.svc.History(t.Context(), l.app, ChangeQuery{Limit: n})
	if err != nil || len(page.Rows) != n || !page.Reached.IsZero() {
		t.Errorf("%d changes, reached %s, %v", len(page.Rows), page.Reached, err)
	}
	if page, err = l.svc.History(t.Context(), l.app, ChangeQuery{Limit: n, Reason: "none"}); err != nil || !page.Reached.IsZero() || page.Next != 0 {
		t.Errorf("with a filter: reached %s, next %d, %v", page.Reached, page.Next, err)
	}
}

func TestHistory(t *testing.T) {
	l := newLogged(t, 20)
	l.apply(mpblock.Block, "api", "", 0, 10)
	l.apply(mpblock.Unblock, "console:anna", "sorry", 3, 4)
	l.apply(mpblock.Block, "console:anna", "again", 3, 4)
	tests := []struct {
		q    ChangeQuery
		want []uint64
	}{
		{ChangeQuery{}, []uint64{3, 2, 1}},
		{ChangeQuery{Action: mpblock.Block}, []uint64{3, 1}},
		{ChangeQuery{Actor: "console:anna", Reason: "SORRY"}, []uint64{2}},
		{ChangeQuery{Since: l.now}, []uint64{3}},
		{ChangeQuery{Until: l.now}, []uint64{2, 1}},
	}
	for _, tt := range tests {
		for _, limit := range []int{1, 2, 50} {
			tt.q.Limit, tt.q.Before = limit, 0
			var got []uint64
			for {
				page, err := l.svc.History(t.Context(), l.app, tt.q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Rows {
					got = append(got, r.Seq)
				}
				if tt.q.Before = page.Next; tt.q.Before == 0 {
					break
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%+v: %v, want %v", tt.q, got, tt.want)
			}
		}
	}
	page, err := l.svc.History(t.Context(), l.app, ChangeQuery{Limit: 3})
	if err != nil || page.Rows[2].Count != 10 || len(page.Rows[2].Sample) != sampleSize {
		t.Errorf("%+v, %v", page.Rows, err)
	}
	c, err := l.svc.ChangeAt(t.Context(), l.app, 1)
	if err != nil || len(c.OpenIDs) != 10 {
		t.Errorf("change 1: %+v, %v", c, err)
	}
	for _, seq := range []uint64{0, 4} {
		_, err := l.svc.ChangeAt(t.Context(), l.app, seq)
		wantRefusal(t, err, fmt.Sprintf("there is no change %d", seq))
	}
	line, err := l.svc.Timeline(t.Context(), l.a, " "+l.ids[3])
	if err != nil || !line.Follower || line.Seq != 3 || len(line.Rows) != 3 || line.Rows[0].Reason != "again" || line.Rows[2].Count != 1 || line.More {
		t.Errorf("timeline %+v, %v", line, err)
	}
	_, err = l.svc.Timeline(t.Context(), l.a, "OPENID1")
	wantRefusal(t, err, `"OPENID1" is no OpenID: not an OpenID: 7 bytes long`)
}

func TestLongTimeline(t *testing.T) {
	l := newLogged(t, 1)
	for i := range MaxRows + 3 {
		l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], "api", "", 0, 1)
	}
	line, err := l.svc.Timeline(t.Context(), l.a, l.ids[0])
	if err != nil || !line.More || len(line.Rows) != MaxRows || line.Rows[0].Seq != MaxRows+3 {
		t.Errorf("%d rows, more %v, %v", len(line.Rows), line.More, err)
	}
}

func TestChangeByHand(t *testing.T) {
	l := newLogged(t, 5)
	a := l.a
	out, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: []string{l.ids[0], l.ids[1] + "\n", l.ids[0]}, Reason: " <script> "})
	if err != nil || out != (Outcome{Seq: 1, Done: 2}) {
		t.Errorf("blocked %+v, %v", out, err)
	}
	c, err := l.svc.ChangeAt(t.Context(), l.app, 1)
	if err != nil || c.Actor != "console:anna" || c.Reason != "<script>" {
		t.Errorf("change %+v, %v", c, err)
	}
	if out, err = l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids[:3], Reason: ""}); err != nil || out != (Outcome{Seq: 2, Done: 1, Already: 2}) {
		t.Errorf("blocked %+v, %v", out, err)
	}
	if out, err = l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Unblock, OpenIDs: l.ids[3:], Reason: ""}); err != nil || out != (Outcome{Already: 2}) {
		t.Errorf("unblocked %+v, %v", out, err)
	}
	unknown := mpblock.Mint(a.Prefix, a.Key, "nobody").String()
	foreign := mpblock.Mint(mpblock.Prefix{}, a.Key, "x").String()
	for text, ids := range map[string][]string{
		"0 OpenIDs: want 1 to 1000":                nil,
		"1001 OpenIDs":                             make([]string, MaxByHand+1),
		`"x" is no OpenID`:                         {l.ids[4], "x"},
		foreign + " is an OpenID of another":       {l.ids[4], foreign},
		unknown + " is neither a follower of this": {l.ids[4], unknown},
	} {
		_, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: ids, Reason: ""})
		wantRefusal(t, err, text)
	}
	for _, reason := range []string{strings.Repeat("x", mpblock.MaxReason+1), "a\nb", "\xff"} {
		_, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids[:1], Reason: reason})
		wantRefusal(t, err, "want one line of at most 1024 bytes")
	}
	if page, err := l.svc.Entries(t.Context(), l.app, EntryQuery{Limit: 9}); err != nil || page.Total != 3 {
		t.Errorf("a refused change was made: %+v, %v", page, err)
	}
}

// A list that was emptied, or nearly, is known to its end at once, however many were
// blocked before.
func TestEntriesOfAnEmptiedList(t *testing.T) {
	l := newLogged(t, 3*maxLooked)
	for from := 0; from < len(l.ids); from += maxLooked / 2 {
		l.apply(mpblock.Block, "console:anna", "", from, from+maxLooked/2)
	}
	for from := 0; from < len(l.ids); from += maxLooked / 2 {
		l.apply(mpblock.Unblock, "console:anna", "", from, from+maxLooked/2)
	}
	look := func(rows int) {
		t.Helper()
		p, err := l.svc.Entries(t.Context(), l.app, EntryQuery{Limit: 10})
		if err != nil || len(p.Rows) != rows || p.Total != rows || p.Next != "" || !p.Reached.IsZero() {
			t.Errorf("%+v, %v, want %d rows and nothing behind them", p, err, rows)
		}
	}
	look(0)
	l.apply(mpblock.Block, "console:anna", "", 7, 8)
	look(1)
}
