package budget

import (
	"testing"
	"time"

	"mpblock"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 28, 0, 0, 0, 0, mpblock.Zone)
	limits := Limits{Minute: 10, Day: 1000}
	for _, c := range []struct {
		name string
		at   time.Duration
		used Used
		n    int
		job  bool
		want Verdict
	}{
		{"the first", 0, Used{}, 1, true, Go},
		{"a job leaves a fifth", 0, Used{OfDay: Calls{800}}, 1, true, Tomorrow},
		{"people have it", 0, Used{OfDay: Calls{800}}, 1, false, Go},
		{"at noon a tenth", 12 * time.Hour, Used{OfDay: Calls{899}}, 1, true, Go},
		{"and no more", 12 * time.Hour, Used{OfDay: Calls{900}}, 1, true, Tomorrow},
		{"nobody has more than all", 12 * time.Hour, Used{OfDay: Calls{1000}}, 1, false, Tomorrow},
		{"another call has its own", 12 * time.Hour, Used{OfDay: Calls{0, 1000}}, 1, false, Go},
		{"the minute is over", time.Hour, Used{OfMinute: Calls{10}}, 1, false, Minute},
		{"a walk takes longer than a minute has calls", time.Hour, Used{}, 30, true, Go},
		{"45009 holds jobs up", time.Hour, Used{DayOver: [calls]bool{true}}, 1, true, Tomorrow},
		{"and nobody else", time.Hour, Used{DayOver: [calls]bool{true}}, 1, false, Go},
		{"45011 too", time.Hour, Used{MinuteOver: [calls]bool{true}}, 1, true, Minute},
	} {
		now := midnight.Add(c.at)
		u := c.used
		u.Day, u.Minute = Used{}.At(now).Day, Used{}.At(now).Minute
		if got := limits.Judge(u, Block, c.n, c.job, now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := limits.Judge(u, Block, c.n, c.job, now.AddDate(0, 0, 1).Add(time.Minute)); got != Go {
			t.Errorf("%s: %v a day later", c.name, got)
		}
	}
	if got := (Limits{}).Judge(Used{OfDay: Calls{1e9}, OfMinute: Calls{1e9}}.At(midnight), Block, 1, true, midnight); got != Go {
		t.Errorf("without limits: %v", got)
	}
	late := midnight.Add(23*time.Hour + 59*time.Minute + 30*time.Second)
	if NextDay(late) != midnight.AddDate(0, 0, 1) || !NextMinute(late).Equal(midnight.AddDate(0, 0, 1)) {
		t.Errorf("%v, %v", NextDay(late), NextMinute(late))
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 9, 30, 0, 0, mpblock.Zone)
	u := Used{}.At(now)
	u.Spend(Calls{1, 0, 23})
	u.Spend(Calls{-2})
	if u.OfDay != (Calls{0, 0, 23}) || u.OfMinute != u.OfDay {
		t.Errorf("%+v", u)
	}
	if later := u.At(now.Add(time.Minute)); later.OfDay != u.OfDay || later.OfMinute != (Calls{}) {
		t.Errorf("a minute later: %+v", later)
	}
}
