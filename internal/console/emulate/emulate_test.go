package emulate

import (
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// still is a clock of the machine that stands still.
type still time.Time

func (s still) Now() time.Time { return time.Time(s) }

func TestBanner(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, mpblock.Zone)
	ready := func(name string) func(*emulator.Emulator) {
		return func(e *emulator.Emulator) {
			for _, r := range fault.ReadyPlans() {
				if r.Name == name {
					e.Load(r.Plan)
				}
			}
		}
	}
	ahead := func(d time.Duration) func(*emulator.Emulator) {
		return func(e *emulator.Emulator) { _ = e.Clock.Advance(d) }
	}
	for name, tt := range map[string]struct {
		bend             []func(*emulator.Emulator)
		chinese, english string
	}{
		"nothing": {nil, "", ""},
		"both": {[]func(*emulator.Emulator){ready("busy-day"), ahead(26 * time.Hour), ready("busy-day")},
			"模拟器：故障计划 busy-day 进行中，时钟快 26 小时", "Emulator: fault plan busy-day is active, clock is 26 h ahead"},
		"a plan that has ended": {[]func(*emulator.Emulator){ready("busy-day"), ahead(73*time.Hour + 30*time.Minute)},
			"模拟器：时钟快 3 天 1 小时", "Emulator: clock is 3 d 1 h ahead"},
		"two days and some minutes": {[]func(*emulator.Emulator){ahead(48*time.Hour + 5*time.Minute)}, "模拟器：时钟快 2 天", "Emulator: clock is 2 d ahead"},
		"seconds":                   {[]func(*emulator.Emulator){ahead(90 * time.Second)}, "模拟器：时钟快 1 分 30 秒", "Emulator: clock is 1 min 30 s ahead"},
		"one's own":                 {[]func(*emulator.Emulator){func(e *emulator.Emulator) { e.Load(fault.Plan{}) }}, "模拟器：自定义故障计划进行中", "Emulator: a custom fault plan is active"},
		"frozen": {[]func(*emulator.Emulator){func(e *emulator.Emulator) { e.Clock.Freeze() }},
			"模拟器：时钟已冻结在 2026-11-28 12:00", "Emulator: clock is frozen at 2026-11-28 12:00"},
		"behind": {[]func(*emulator.Emulator){func(e *emulator.Emulator) { e.Clock.Restore(emulator.ClockState{Ahead: -time.Hour}) }},
			"模拟器：时钟慢 1 小时", "Emulator: clock is 1 h behind"},
	} {
		e := emulator.New(still(noon), 1)
		for _, bend := range tt.bend {
			bend(e)
		}
		for l, want := range map[i18n.Lang]string{i18n.Chinese: tt.chinese, i18n.English: tt.english} {
			if got := Banner(e, l, mpblock.Zone); got != want {
				t.Errorf("%s, %s: %q, want %q", name, l, got, want)
			}
		}
	}
}

func TestBodiesAreSetOut(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`{"a":[1]}`: "{\n  \"a\": [\n    1\n  ]\n}", `{"a":`: `{"a":`, "<html>": "<html>", "": ""} {
		if got := pretty(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
