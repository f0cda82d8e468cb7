package until

import (
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
		ok         bool
	}{
		{"", "", time.Time{}, true},
		{"7", "", now.AddDate(0, 0, 7), true},
		{"7", "2026-11-30", time.Date(2026, 12, 1, 0, 0, 0, 0, zone), true},
		{"@1000", "", time.UnixMilli(1000), true},
		{"0", "", time.Time{}, false},
		{"3651", "", time.Time{}, false},
		{"x", "", time.Time{}, false},
		{"@x", "", time.Time{}, false},
		{"@0", "", time.Time{}, false},
		{"", "30.11.2026", time.Time{}, false},
	} {
		got, ok := Asked(c.days, c.date, now, zone)
		if ok != c.ok || ok && !got.Equal(c.want) {
			t.Errorf("%q, %q: %v, %v", c.days, c.date, got, ok)
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
		if got, ok := Asked(v.Keep, "", now, zone); !ok || !got.Equal(now.Add(d)) {
			t.Errorf("%v: kept is %v", d, got)
		}
	}
}
