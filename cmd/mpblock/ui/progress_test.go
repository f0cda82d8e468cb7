package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// screen is what a terminal of some columns shows of an output: lines that are too
// long go on below.
func screen(out string, columns int) []string {
	var all []string
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		most := 0
		last := ""
		for draw := range strings.SplitSeq(line, "\r") {
			draw = strings.NewReplacer("\x1b[0K", "", "\x1b[2K", "").Replace(draw)
			most = max(most, utf8.RuneCountInString(draw))
			if draw != "" {
				last = draw
			}
		}
		for ; most > columns; most -= columns {
			all = append(all, "flood")
		}
		all = append(all, strings.TrimRight(last, " "))
	}
	return all
}

// cancelled shows a job of 20,000 that is cancelled after 60 s at 3,780.
func cancelled(columns int) string {
	var out strings.Builder
	p := NewProgress(&out, columns, 0, 20_000)
	for n := 63; n <= 3780; n += 63 {
		time.Sleep(time.Second)
		p.Set(n)
	}
	p.End()
	return out.String()
}

// A bar keeps to one line, and stays where it was when the job is cancelled.
func TestBarOfACancelledJob(t *testing.T) {
	for _, columns := range []int{40, 69, 70, 80, 200} {
		synctest.Test(t, func(t *testing.T) {
			got := screen(cancelled(columns), columns)
			if len(got) != 1 || !strings.Contains(got[0], "18%") || !strings.HasSuffix(got[0], "(3780/20000)") {
				t.Errorf("%d columns: %q", columns, got)
			}
			if wide := columns >= 70; wide != strings.Contains(got[0], "5 min left") {
				t.Errorf("%d columns: %q", columns, got)
			}
		})
	}
}

// Where there is no bar a line comes every 10 s.
func TestProgressInALog(t *testing.T) {
	for _, columns := range []int{0, 30} {
		synctest.Test(t, func(t *testing.T) {
			got := screen(cancelled(columns), 80)
			want := []string{
				"630 of 20,000 OpenIDs settled, about 6 min left", "1,260 of 20,000 OpenIDs settled, about 5 min left",
				"1,890 of 20,000 OpenIDs settled, about 5 min left", "2,520 of 20,000 OpenIDs settled, about 5 min left",
				"3,150 of 20,000 OpenIDs settled, about 5 min left", "3,780 of 20,000 OpenIDs settled, about 5 min left",
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%d columns:\n%s", columns, strings.Join(got, "\n"))
			}
		})
	}
}

// A bar of a job that was resumed counts its speed from there, ends at 100 % by
// itself, and gives way to a notice.
func TestBarOfAResumedJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress(&out, 80, 10_000, 20_000)
		p.Say("a call failed\x1b[2J: waiting")
		time.Sleep(10 * time.Second)
		p.Set(15_000)
		if !strings.Contains(out.String(), "11 s left") {
			t.Errorf("%q", out.String())
		}
		p.Set(20_000)
		p.End()
		got := screen(out.String(), 80)
		if len(got) != 2 || got[0] != "a call failed�[2J: waiting" || !strings.HasSuffix(got[1], "(20000/20000)") {
			t.Errorf("%q", got)
		}
	})
	var out strings.Builder
	p := NewProgress(&out, 80, 7, 7)
	p.End()
	if out.Len() > 0 {
		t.Errorf("nothing to do is shown as %q", out.String())
	}
}

func TestMany(t *testing.T) {
	for n, want := range map[int]string{0: "0 calls", 1: "1 call", 2: "2 calls", 1000: "1,000 calls"} {
		if got := Many(n, "call"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
