package bulk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/wire"
)

// memory is a journal that is no file.
type memory struct {
	mu     sync.Mutex
	events []string
	fails  int // of all events from this one on, 0: never
}

func (m *memory) Sending(places []int) error { return m.add(fmt.Sprint("> ", places)) }

func (m *memory) Became(places []int, s Status, r Refusal) error {
	return m.add(fmt.Sprintf("%c %v %d", s, places, r.Code))
}

func (m *memory) add(event string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, event)
	if m.fails > 0 && len(m.events) >= m.fails {
		return errors.New("no room")
	}
	return nil
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name string
		n    int
		err  error
		want verdict // without cause and stop
		ends string  // part of why the job stops, "" if it goes on
	}{
		{"ok", 20, nil, verdict{became: Done}, ""},
		{"one of them is bad", 20, refusal(40003), verdict{became: Todo, split: true}, ""},
		{"one of two is another's", 2, refusal(49003), verdict{became: Todo, split: true}, ""},
		{"bad", 1, refusal(40003), verdict{became: Refused, why: Refusal{Code: 40003}}, ""},
		{"another's", 1, refusal(49003), verdict{became: Refused, why: Refusal{Code: 49003}}, ""},
		{"limited", 1, refusal(50002), verdict{became: Refused, why: Refusal{Code: 50002}}, ""},
		{"one of them is refused", 3, refusal(61016), verdict{became: Todo, split: true}, ""},
		{"too fast", 20, refusal(45011), verdict{became: Todo, wait: nextMinute}, ""},
		{"used up", 20, refusal(45009), verdict{became: Todo}, "after midnight of UTC+8"},
		{"system error", 1, refusal(-1), verdict{became: Unknown, wait: trouble}, ""},
		{"system busy", 20, refusal(268487001), verdict{became: Unknown, wait: trouble}, ""},
		{"lost", 20, lost(), verdict{became: Unknown, wait: trouble}, ""},
		{"lost, wrapped", 20, fmt.Errorf("so: %w", lost()), verdict{became: Unknown, wait: trouble}, ""},
		{"token", 20, refusal(40001), verdict{became: Todo}, "40001"},
		{"frozen", 20, refusal(40243), verdict{became: Todo}, "40243"},
		{"forbidden", 20, refusal(48004), verdict{became: Todo}, "48004"},
		{"too many", 20, refusal(40032), verdict{became: Todo}, "40032"},
		{"never sent", 20, errors.New("no route"), verdict{became: Todo}, "no route"},
	}
	for _, tt := range tests {
		got := judge(tt.n, tt.err)
		if (got.cause != nil) != (tt.want.wait == trouble) {
			t.Errorf("%s: cause %v", tt.name, got.cause)
		}
		if (got.stop != nil) != (tt.ends != "") || got.stop != nil && !strings.Contains(got.stop.Error(), tt.ends) {
			t.Errorf("%s: it stops with %v, want %q", tt.name, got.stop, tt.ends)
		}
		if got.cause, got.stop = nil, nil; got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// planned is a job of OpenIDs that are to be blocked, over a journal in memory.
func planned(t *testing.T, s Server, o PlanOptions, ids ...string) (*Job, *memory, *Plan) {
	t.Helper()
	p, err := Make(t.Context(), s, wish(mpblock.Block, ids...), o)
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	return New(p.Items, m), m, p
}

// A list of another account costs no call where the live list tells whose OpenIDs
// are whose, and little more than one a head where it does not.
func TestListOfAnotherAccount(t *testing.T) {
	foreign := openIDs(theirs, 0, 1000)
	s := newFake(1, openIDs(ours, 0, 10))
	for id := range s.known {
		s.blocked[id] = true
	}
	j, _, p := planned(t, s, PlanOptions{}, foreign...)
	if err := j.Run(t.Context(), s, Options{}); err != nil || s.calls != 0 || j.Counts().Refused != 1000 || p.Foreign() != 1000 || p.WorstCalls() != 0 {
		t.Errorf("%d calls, %+v, %d foreign, %v", s.calls, j.Counts(), p.Foreign(), err)
	}
	if code := j.Items[0].Code; code != 49003 {
		t.Errorf("refused with %d", code)
	}
	for name, blocked := range map[string][]string{
		"told to send them": openIDs(ours, 0, 10),
		"two prefixes":      slices.Concat(openIDs(ours, 0, 1), openIDs(mpblock.Prefix{9}, 0, 1)),
		"an empty list":     nil,
		"no OpenIDs":        {"x"},
	} {
		clear(s.blocked)
		for _, id := range blocked {
			s.blocked[client.OpenID(id)] = true
		}
		s.calls = 0
		j, _, p = planned(t, s, PlanOptions{AnyPrefix: name == "told to send them"}, foreign...)
		if p.Calls() != 50 || p.WorstCalls() != 1950 || p.Foreign() != 0 {
			t.Errorf("%s: %d calls planned, %d at worst, %d foreign", name, p.Calls(), p.WorstCalls(), p.Foreign())
		}
		if err := j.Run(t.Context(), s, Options{}); err != nil || s.calls > 1020 || j.Counts().Refused != 1000 {
			t.Errorf("%s: %d calls, %+v, %v", name, s.calls, j.Counts(), err)
		}
	}
}

// Where the bad ones end, whole batches go out again.
func TestBadOnesOnAHeap(t *testing.T) {
	followers := openIDs(ours, 0, 1000)
	for name, ids := range map[string][]string{
		"first": slices.Concat(openIDs(theirs, 0, 100), followers),
		"last":  slices.Concat(followers, openIDs(theirs, 0, 100)),
	} {
		s := newFake(1, followers)
		j, _, _ := planned(t, s, PlanOptions{}, ids...)
		if err := j.Run(t.Context(), s, Options{}); err != nil || s.calls > 175 {
			t.Errorf("%s: %d calls, %v", name, s.calls, err)
		}
		if n := j.Counts(); n != (Counts{Total: 1100, Done: 1000, Refused: 100}) || n != count(j.Items) {
			t.Errorf("%s: %+v, counted %+v", name, n, count(j.Items))
		}
	}
}

// The plan's worst case is never passed, whatever is bad.
func TestWorstCalls(t *testing.T) {
	followers := openIDs(ours, 0, 400)
	for _, every := range []int{1, 2, 3, 5, 10, 20} {
		s := newFake(1, nil)
		for i, id := range followers {
			s.known[client.OpenID(id)] = i%every != 0
		}
		j, _, p := planned(t, s, PlanOptions{}, followers...)
		worst := p.WorstCalls()
		if err := j.Run(t.Context(), s, Options{Workers: 3}); err != nil || s.calls > worst {
			t.Errorf("one of %d: %d calls, at worst %d, %v", every, s.calls, worst, err)
		}
		if s.calls > 480 {
			t.Errorf("one of %d: %d calls, far more than OpenIDs", every, s.calls)
		}
	}
}

// A journal hears of a batch before it is sent, and of each state after that; one
// that fails ends the job, and nothing more is sent.
func TestJournalFails(t *testing.T) {
	followers := openIDs(ours, 0, 60)
	s := newFake(1, followers)
	j, m, _ := planned(t, s, PlanOptions{}, followers...)
	m.fails = 3 // the second batch is not sent
	if err := j.Run(t.Context(), s, Options{}); err == nil || err.Error() != "no room" || s.calls != 1 {
		t.Errorf("%d calls, %v", s.calls, err)
	}
	if n := j.Counts(); n.Done != 20 || n.NotAttempted != 40 {
		t.Errorf("%+v", n)
	}
	m.fails = 0
	m.events = nil
	m.fails = 2 // it was sent, and what became of it is nowhere
	if err := j.Run(t.Context(), s, Options{}); err == nil || s.calls != 2 || j.Counts().Unknown != 20 {
		t.Errorf("%d calls, %+v, %v", s.calls, j.Counts(), err)
	}
}

// steps answers each call with what is next.
type steps struct {
	*fake
	answers chan func() error
}

func (s steps) Block(context.Context, ...client.OpenID) error { return (<-s.answers)() }

// A worker that waits for the next minute hears at once that the job has stopped.
func TestStopWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		followers := openIDs(ours, 0, 100)
		s := steps{newFake(1, followers), make(chan func() error, 2)}
		for i, code := range []wire.Code{wire.CodeMinuteRate, wire.CodeDailyQuota} {
			s.answers <- func() error {
				time.Sleep(time.Duration(1+i) * time.Millisecond) // both calls are under way by then
				return refusal(code)
			}
		}
		j, _, _ := planned(t, s, PlanOptions{}, followers...)
		start := time.Now()
		err := j.Run(t.Context(), s, Options{Workers: 2})
		if took := time.Since(start); took != 2*time.Millisecond || !errors.Is(err, client.ErrDailyQuota) {
			t.Errorf("it stopped after %v with %v", took, err)
		}
	})
}

// Many workers write one file: each line is whole and durable before the call that
// it tells of.
func TestFileTakesManyAtATime(t *testing.T) {
	followers := openIDs(ours, 0, 2000)
	s := newFake(1, followers)
	p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	if err := j.Run(t.Context(), s, Options{Workers: 16}); err != nil {
		t.Fatal(err)
	}
	again, err := Load(j.Name, false)
	if err != nil || !slices.Equal(again.Items, j.Items) || again.Counts() != j.Counts() || again.Counts().Done != 2000 {
		t.Errorf("%v, %+v", err, again.Counts())
	}
	again.Close()
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Sending([]int{1}); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), j.Name) {
		t.Errorf("a file that cannot be written: %v", err)
	}
}

func TestLoadTellsDamageFromOthers(t *testing.T) {
	for text, want := range map[string]error{
		"hello\n": ErrNoJob,
		"mpblock job 1 http://x wx1\n+ b \"o1\"\n---\n> zero\n": ErrDamaged,
	} {
		name := filepath.Join(t.TempDir(), "job")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name, true); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}
