package until

import (
	"strings"
	"testing"
	"time"

	"mpblock/internal/console/i18n"
)

var (
	zone = time.FixedZone("UTC+8", 8*60*60)
	now  = time.Date(2026, 11, 28, 10, 0, 0, 0, zone)
)

func TestAsked(t *testing.T) {
	for _, c := range []struct {
		days, date string
		want       time.Time
		problem    string
	}{
		{"", "", time.Time{}, ""},
		{"7", "", now.AddDate(0, 0, 7), ""},
		{"7", "2026-11-30", time.Date(2026, 12, 1, 0, 0, 0, 0, zone), ""},
		{"", "2026-11-28", time.Date(2026, 11, 29, 0, 0, 0, 0, zone), ""},
		{"", "2036-12-04", time.Date(2036, 12, 5, 0, 0, 0, 0, zone), ""},
		{kept + "1795831200001", "", now.Add(time.Millisecond), ""},
		{"0", "", time.Time{}, "No such end"},
		{"3651", "", time.Time{}, "No such end"},
		{"x", "", time.Time{}, "No such end"},
		{"@x", "", time.Time{}, "No such end"},
		{"@0", "", time.Time{}, "No such end"},
		{"@9223372036854775807", "", time.Time{}, "No such end"},
		{"", "30.11.2026", time.Time{}, "No such end"},
		{"7", "2026-11-27", time.Time{}, "with 2026-11-27: give a last day from 2026-11-28, which is today, to 2036-12-04."},
		{"", "2036-12-05", time.Time{}, "with 2036-12-05: give a last day from 2026-11-28"},
		{"@1795831200000", "", time.Time{}, "The end at 2026-11-28 10:00 has come by now"},
	} {
		got, problem := Asked(i18n.English, c.days, c.date, now, zone)
		if (problem == "") != (c.problem == "") || !strings.Contains(problem, c.problem) || problem == "" && !got.Equal(c.want) {
			t.Errorf("%q, %q: %v, %q", c.days, c.date, got, problem)
		}
	}
}

func TestOf(t *testing.T) {
	if Of(i18n.English, time.Time{}, now, zone) != nil {
		t.Error("for ever has an end")
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "ended", 0: "ended", time.Minute: "less than an hour left", time.Hour: "1 hour left", 5*time.Hour + time.Minute: "5 hours left",
		24 * time.Hour: "1 day left", 24*time.Hour + time.Second: "2 days left", 72 * time.Hour: "3 days left",
	} {
		v := Of(i18n.English, now.Add(d), now, zone)
		if v.Left != want {
			t.Errorf("%v: %q, want %q", d, v.Left, want)
		}
		if got, problem := Asked(i18n.English, v.Keep, "", now, zone); (problem == "") != (d > 0) || d > 0 && !got.Equal(now.Add(d)) {
			t.Errorf("%v: kept is %v, %s", d, got, problem)
		}
	}
}
