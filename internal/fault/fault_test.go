package fault

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":        {"rules:\n- name: a\n  mach: {path: x}\n  effect: {errcode: -1}", `line 3: there is no key "mach"; did you mean "match"?`},
		"unknown effect":     {"rules:\n- name: a\n  effect: {errorcode: -1}", `line 3: there is no key "errorcode"; did you mean "errcode"?`},
		"far from any":       {"rules: []\nzzzzzzzzzzzz: 1", `line 2: there is no key "zzzzzzzzzzzz"; there are: about, after, appid, block, body, `},
		"a text for a count": {"rules:\n- name: a\n  match: {nth: third}\n  effect: {errcode: -1}", `line 3: "third" does not fit its key; want a whole number`},
		"no effect":          {"rules:\n- name: a\n- name: b\n  effect: {errcode: 1}", `line 2: a rule has no effect; effect: {errcode: -1}`},
		"no name":            {"rules:\n- effect: {errcode: 1}", `line 2: a rule has no name; name: busy`},
		"the same name":      {"rules:\n- name: a\n  effect: {errcode: 1}\n- name: a\n  effect: {errcode: 1}", `line 4: the name "a" is also that of rule 1; give each rule a name of its own`},
		"two ends":           {"rules:\n- name: a\n  effect: {errcode: 1, lost_answer: cut}", `line 3: a call has one end: errcode and lost_answer contradict each other; make two rules of it`},
		"probability":        {"rules:\n- name: a\n  probability: 5\n  effect: {errcode: 1}", `line 3: probability 5 is not between 0 and 1; 0.05 is one in twenty`},
		"time":               {"ttl: soon\nrules: []", `line 1: "soon" is no length of time; write 200ms, 30s, 10m or 7d`},
		"rate":               {"rules:\n- name: a\n  effect: {slow: fast}", `line 3: "fast" is no rate; write 500B/s or 1KB/s`},
		"lost how":           {"rules:\n- name: a\n  effect:\n    lost_answer: gone", `line 4: lost_answer: "gone"; cut, 502 or timeout`},
		"never":              {"rules:\n- name: a\n  match: {nth: 2, first: 1}\n  effect: {errcode: 1}", `line 3: no call can be within nth, first and after at once; leave one of them out`},
		"spread":             {"rules:\n- name: a\n  effect: {latency: 1s, spread: 2s}", `line 3: an answer cannot come before it was asked for: spread is more than latency; at most as much as latency`},
		"JSON":               {`{"rules":[{"name":"a","effect":{"http":99}}]}`, `line 1: http: 99 is no status of an answer; 502, say`},
		"no YAML":            {"rules:\n- name: [", "line 2: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParseTakesYAMLAndJSON(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("seed: 7\nttl: 10m\nrules:\n- name: a\n  match: {path: '*/x', every: 2}\n  window: {after: 30s, for: 20s}\n" +
		"  effect: {latency: 200ms, spread: 100ms, slow: 1KB/s, drift: {block: 2}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("%v: %+v\nafter JSON %s\n%+v", err, p, text, again)
	}
}

func TestReadyMadesAreRead(t *testing.T) {
	t.Parallel()
	want := []string{"busy-day", "lost-answers", "quota-noon", "slow-network", "strict", "token-war"}
	if got := ReadyMades(); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	for _, name := range want {
		text, _ := ReadyMade(name)
		if p, err := Parse(text); err != nil || p.About == "" || len(p.Rules) == 0 {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
}

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// hits plays a plan of one rule on n calls a second apart, and returns which it struck.
func hits(t *testing.T, rule string, n int) (struck []int) {
	t.Helper()
	p, err := Parse(fmt.Appendf(nil, "seed: 3\nrules:\n- name: r\n  effect: {errcode: -1}\n  %s\n", rule))
	if err != nil {
		t.Fatal(err)
	}
	play := Start(p, start)
	for i := range n {
		if _, ok := play.Strike(Call{Path: "/cgi-bin/a", AppID: "wx1", Program: "crm", OpenIDs: []string{"o1", "o2"}}, start.Add(time.Duration(i)*time.Second)); ok {
			struck = append(struck, i+1)
		}
	}
	return struck
}

func TestWhichCallsAreStruck(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string][]int{
		"match: {nth: 3}":                     {3},
		"match: {first: 2}":                   {1, 2},
		"match: {after: 7}":                   {8, 9},
		"match: {every: 4}":                   {4, 8},
		"match: {after: 1, every: 4}":         {5, 9},
		"match: {after: 1, first: 3}":         {2, 3},
		"match: {path: '*/a', nth: 1}":        {1},
		"match: {path: '/cgi-bin'}":           nil,
		"match: {appid: 'wx*', nth: 1}":       {1},
		"match: {openid: o2, nth: 1}":         {1},
		"match: {program: 'c*', nth: 1}":      {1},
		"match: {program: bot}":               nil,
		"match: {openid: o3}":                 nil,
		"window: {after: 3s, for: 2s}":        {4, 5},
		"match: {path: '/cgi-bin?a'}":         nil,
		"probability: 0.00000000000000000001": nil,
	} {
		if got := hits(t, rule, 9); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
	if got := len(hits(t, "probability: 0.25", 4000)); got < 900 || got > 1100 {
		t.Errorf("one in four of 4,000: %d", got)
	}
}

func TestAPlanEndsByItself(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("ttl: 5s\nrules: [{name: a, effect: {errcode: -1}}]"))
	if err != nil {
		t.Fatal(err)
	}
	play := Start(p, start)
	if _, ok := play.Strike(Call{}, start.Add(5*time.Second-1)); !ok {
		t.Error("ended early")
	}
	if _, ok := play.Strike(Call{}, start.Add(5*time.Second)); ok {
		t.Error("goes on")
	}
}

// A plan that was stopped and resumed goes on with the same faults.
func TestResumedPlaysThrowTheSame(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("seed: 9\nrules:\n- {name: a, probability: 0.3, effect: {latency: 1s, spread: 1s}}\n- {name: b, probability: 0.5, effect: {errcode: -1}}"))
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		rule string
		wait time.Duration
		dice uint64
	}
	run := func(play *Play, n int) (all []seen) {
		for range n {
			b, ok := play.Strike(Call{}, start)
			if !ok {
				all = append(all, seen{})
				continue
			}
			all = append(all, seen{b.Rule, b.Wait, b.Dice.Uint64()})
		}
		return all
	}
	whole := run(Start(p, start), 200)
	first := Start(p, start)
	got := append(run(first, 90), run(Resume(p, first.State()), 110)...)
	if !slices.Equal(whole, got) {
		t.Error("a resumed plan differs")
	}
	if p.Seed++; slices.Equal(whole, run(Start(p, start), 200)) {
		t.Error("the seed changes nothing")
	}
}

// The first rule that strikes decides; those behind it count the call all the same.
func TestTheFirstRuleDecides(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("rules:\n- {name: a, match: {every: 2}, effect: {errcode: 1}}\n- {name: b, match: {every: 3}, effect: {errcode: 2}}"))
	if err != nil {
		t.Fatal(err)
	}
	play := Start(p, start)
	var rules []string
	for range 6 {
		b, _ := play.Strike(Call{}, start)
		rules = append(rules, b.Rule)
	}
	if !slices.Equal(rules, []string{"", "a", "b", "a", "", "a"}) {
		t.Error(rules)
	}
	if got := play.State().Rules; got[0] != (Counts{"a", 6, 3}) || got[1] != (Counts{"b", 6, 1}) {
		t.Error(got)
	}
}

// No text makes Parse panic, and what it accepts it reads again from JSON.
func FuzzParse(f *testing.F) {
	for _, name := range ReadyMades() {
		text, _ := ReadyMade(name)
		f.Add(string(text))
	}
	f.Add(`{"rules":[{"name":"a","effect":{"http":502,"body":"x"}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse([]byte(text))
		if err != nil {
			return
		}
		Start(p, start).Strike(Call{Path: text}, start)
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(out); err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%v: %+v\n%s\n%+v", err, p, out, again)
		}
	})
}
