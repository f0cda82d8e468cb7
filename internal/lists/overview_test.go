package lists

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists/digest"
)

func TestOverview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9*time.Hour + 30*time.Minute) // past the bubble's beginning: 17:30 in UTC+8, still that day
		l := newLogged(t, 20)
		l.now = time.Now().Add(-24 * time.Hour)
		l.apply(mpblock.Block, "api", "spam", 0, 5)
		l.apply(mpblock.Block, "api", "", 5, 6)
		l.now = time.Now().Add(-time.Hour)
		l.apply(mpblock.Block, "api", "abuse", 6, 9)
		l.apply(mpblock.Block, "api", "spam", 9, 10)
		l.apply(mpblock.Unblock, "api", "sorry", 0, 2)
		o, err := l.svc.Overview(t.Context(), l.app)
		if err != nil {
			t.Fatal(err)
		}
		if o.Totals != (Totals{Followers: 20, Blocked: 8}) || o.Behind != 0 || len(o.Days) != OverviewDays || len(o.Last) != 5 || o.Last[0].Seq != 5 {
			t.Errorf("overview %+v", o)
		}
		today, yesterday := o.Days[OverviewDays-1], o.Days[OverviewDays-2]
		if today.Blocked != 4 || today.Unblocked != 2 || yesterday.Blocked != 6 || o.Days[0].Blocked != 0 {
			t.Errorf("days %+v", o.Days[OverviewDays-3:])
		}
		if !today.Day.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, mpblock.Zone)) {
			t.Errorf("today is %v", today.Day)
		}
		if !slices.Equal(o.Reasons, []digest.ReasonCount{{Reason: "spam", Count: 6}, {Reason: "abuse", Count: 3}, {Count: 1}}) {
			t.Errorf("reasons %v", o.Reasons)
		}
		reasons, err := l.svc.Reasons(t.Context(), l.app, 2)
		if err != nil || !slices.Equal(reasons, []string{"spam", "abuse"}) {
			t.Errorf("reasons %v, %v", reasons, err)
		}
	})
}
