package lists

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mpblock"
)

// oneOrder is a store that keeps the ends of all accounts in one order.
type oneOrder struct{ mpblock.Store }

func (s oneOrder) Due(ctx context.Context, _ mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error) {
	return s.Store.Due(ctx, "", after, until, limit)
}

// A page looks at so many ends of other accounts, and the next goes on behind them.
func TestManyOthersEnd(t *testing.T) {
	l := newLogged(t, 1)
	now := l.svc.clock.Now()
	l.on(oneOrder{l.svc.store})
	for i := range 3 {
		b := mpblock.Batch{Action: mpblock.Block, Actor: "test", Time: now, Until: now.Add(time.Hour)}
		for j := range mpblock.MaxWrite {
			b.OpenIDs = append(b.OpenIDs, mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(i, j)))
		}
		if _, err := l.svc.store.Apply(t.Context(), "wx0000000000000001", b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids, Until: now.Add(2 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	q := EntryQuery{EndBy: now.Add(24 * time.Hour), Limit: 2}
	for pages := 1; ; pages++ {
		page, err := l.svc.Entries(t.Context(), l.a.AppID, q)
		if err != nil {
			t.Fatal(err)
		}
		if q.After = page.Next; q.After != "" {
			continue
		}
		if len(page.Rows) != 1 || page.Rows[0].OpenID.String() != l.ids[0] || pages != 1+3*mpblock.MaxWrite/maxEnds {
			t.Errorf("page %d: %+v", pages, page.Rows)
		}
		return
	}
}

// Those that end soonest come first, page by page, with what they belong to; later ones are
// passed over.
func TestEntriesThatEndSoon(t *testing.T) {
	l := newLogged(t, 6)
	l.apply(mpblock.Block, "api", "", 0, 6)
	now := l.svc.clock.Now()
	until := func(n int, d time.Duration) {
		t.Helper()
		if _, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Amend, OpenIDs: l.ids[n : n+1], Reason: "for a while", Until: now.Add(d)}); err != nil {
			t.Fatal(err)
		}
	}
	until(0, 3*time.Hour)
	until(1, time.Hour)
	until(2, 48*time.Hour)
	until(3, 2*time.Hour)
	var got []string
	for q := (EntryQuery{EndBy: now.Add(24 * time.Hour), Limit: 2}); ; {
		page, err := l.svc.Entries(t.Context(), l.a.AppID, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			if row.Reason != "for a while" || row.Until.IsZero() {
				t.Errorf("%+v", row)
			}
			got = append(got, row.OpenID.String())
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if want := []string{l.ids[1], l.ids[3], l.ids[0]}; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%q, want %q", got, want)
	}
	newest, err := l.svc.Entries(t.Context(), l.a.AppID, EntryQuery{Limit: 4})
	if err != nil || len(newest.Rows) != 4 || newest.Rows[0].OpenID.String() != l.ids[3] {
		t.Errorf("the newest: %+v, %v", newest.Rows, err)
	}
	if _, err := l.svc.Entries(t.Context(), l.a.AppID, EntryQuery{EndBy: now, After: "x", Limit: 1}); err == nil {
		t.Error("a cursor that is none")
	}
	for _, d := range []time.Duration{0, mpblock.MaxUntil + time.Hour} {
		if _, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "x", Action: mpblock.Block, OpenIDs: l.ids[:1], Until: now.Add(d)}); mpblock.KindOf(err) != mpblock.Invalid {
			t.Errorf("an end %v ahead: %v", d, err)
		}
	}
}
