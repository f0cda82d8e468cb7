package server

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
)

// The demo is what documents say of it, in each language, and what is in it could have
// been done: no call of the API and no operator changes more at once than they may.
func TestDemo(t *testing.T) {
	for lang, want := range map[string]string{"": "advertising", DemoChinese: "广告"} {
		r, ctx := rulesOver(t, memstore.New()), t.Context()
		if err := errors.Join(r.fillDemo(ctx, time.Now(), lang), r.fillDemo(ctx, time.Now(), lang)); err != nil { // once
			t.Fatal(err)
		}
		totals, err := r.lists.Totals(ctx, DemoAppID)
		if err != nil || totals != (lists.Totals{Followers: DemoFollowers, Blocked: DemoBlocked}) {
			t.Fatalf("totals %+v, %v", totals, err)
		}
		states, err := r.lists.States(ctx, DemoAppID, []mpblock.OpenID{DemoOpenID(1), DemoOpenID(DemoBlocked), DemoOpenID(DemoBlocked + 1), DemoOpenID(DemoFollowers)})
		if err != nil || !states[0].Blocked || !states[1].Blocked || states[2].Blocked || states[3].Blocked {
			t.Errorf("states %+v, %v", states, err)
		}
		var actors, reasons []string
		page, err := r.lists.History(ctx, DemoAppID, lists.ChangeQuery{Limit: lists.MaxRows})
		if err != nil || len(page.Rows) != len(demoPast)+1 {
			t.Fatalf("%d changes, %v", len(page.Rows), err)
		}
		for _, c := range page.Rows {
			if c.Actor == mpblock.ActorAPI && c.Count > lists.MaxBatch || strings.HasPrefix(c.Actor, "console:") && c.Count > lists.MaxByHand {
				t.Errorf("#%d by %s changes %d at once", c.Seq, c.Actor, c.Count)
			}
			actors, reasons = append(actors, c.Actor), append(reasons, c.Reason)
		}
		if !slices.Contains(reasons, want) || !strings.HasPrefix(actors[0], "job:") {
			t.Errorf("in %q: reasons %q, the last by %s", lang, reasons, actors[0])
		}
		slices.Sort(actors)
		if len(slices.Compact(actors)) != 5 {
			t.Errorf("actors %q", actors)
		}
		o, err := r.lists.Overview(ctx, DemoAppID)
		if err != nil || o.Days[lists.OverviewDays-1].Blocked+o.Days[lists.OverviewDays-2].Blocked == 0 {
			t.Errorf("nothing in the last days: %+v, %v", o.Days[lists.OverviewDays-5:], err)
		}
	}
}
