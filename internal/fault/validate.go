package fault

import (
	"fmt"

	"mpblock/internal/strict"
)

// flaw is a value that its type allows and its meaning does not.
type flaw struct {
	at        string
	what, fix strict.Text
}

// flaws returns what is wrong with the plan.
func (p Plan) flaws() (all []flaw) {
	add := func(at, fix, format string, args ...any) {
		all = append(all, flaw{at, strict.Say(format, args...), strict.Say(fix)})
	}
	if len(p.Rules) > MaxRules {
		add("$.rules", "", "the plan has more than %d rules", MaxRules)
	}
	names := map[string]int{}
	for i, r := range p.Rules {
		at := fmt.Sprintf("$.rules[%d]", i)
		if first, twice := names[r.Name]; twice {
			add(at+".name", "give each rule a name of its own", "the name %q is also that of rule %d", r.Name, first+1)
		}
		names[r.Name] = i
		r.flaws(func(key, fix, format string, args ...any) { add(at+key, fix, format, args...) })
	}
	return all
}

// add notes a flaw of a rule, by the path of its key.
type add func(key, fix, format string, args ...any)

func (r Rule) flaws(add add) {
	if r.Name == "" {
		add("", "name: busy", "a rule has no name")
	}
	if r.Probability < 0 || r.Probability > 1 || r.Probability != r.Probability {
		add(".probability", "0.05 is one in twenty", "probability %v is not between 0 and 1", r.Probability)
	}
	m := r.Match
	for _, n := range []struct {
		key string
		n   int
	}{{"nth", m.Nth}, {"first", m.First}, {"after", m.After}, {"every", m.Every}} {
		if n.n < 0 {
			add(".match."+n.key, "calls are counted from 1 on", "%s is %d", n.key, n.n)
		}
	}
	if m.First > 0 && m.After >= m.First || m.Nth > 0 && (m.After >= m.Nth || m.First > 0 && m.First < m.Nth) {
		add(".match", "leave one of them out", "no call can be within nth, first and after at once")
	}
	r.Effect.flaws(add)
}

func (e Effect) flaws(add add) {
	none := Effect{}
	if e == none {
		add(".effect", "effect: {errcode: -1}", "a rule has no effect")
	}
	e.answers(add)
	e.values(add)
	if e.Errmsg != "" && e.Errcode == nil {
		add(".effect.errmsg", "add errcode", "errmsg is the text of an errcode, and there is none")
	}
	if e.HTTP != 0 && (e.HTTP < 200 || e.HTTP > 599) {
		add(".effect.http", "502, say", "http: %d is no status of an answer", e.HTTP)
	}
	if e.Body != "" && e.HTTP == 0 {
		add(".effect.body", "add http: 502", "body is that of http, which is not given")
	}
	if e.Spread > e.Latency {
		add(".effect.spread", "at most as much as latency", "an answer cannot come before it was asked for: spread is more than latency")
	}
}

// values sees to it that each value is one that its key has.
func (e Effect) values(add add) {
	if e.StaleToken != 0 && e.StaleToken != 40001 && e.StaleToken != 42001 {
		add(".effect.stale_token", "40001: another program took a new one; 42001: it has expired", "stale_token: %d", e.StaleToken)
	}
	if e.PageSize < 0 || e.PageSize > 10_000 {
		add(".effect.page_size", "1 to 10000", "page_size: %d", e.PageSize)
	}
	if d := e.Drift; d.Block < 0 || d.Unblock < 0 || d.Block > 10_000 || d.Unblock > 10_000 {
		add(".effect.drift", "0 to 10000 each", "drift: {block: %d, unblock: %d}", d.Block, d.Unblock)
	}
	if e.Reset != "" && e.Reset != Before && e.Reset != After {
		add(".effect.reset", "before (the work is not done) or after (it is)", "reset: %q", e.Reset)
	}
	if e.LostAnswer != "" && e.LostAnswer != Cut && e.LostAnswer != Gateway && e.LostAnswer != Timeout {
		add(".effect.lost_answer", "cut, 502 or timeout", "lost_answer: %q", e.LostAnswer)
	}
	if e.Truncate < 0 || e.Truncate >= 1 || e.Truncate != e.Truncate {
		add(".effect.truncate", "0.5 is half of the body", "truncate: %v is not between 0 and 1", e.Truncate)
	}
}

// answers sees to it that a call has one end.
func (e Effect) answers(add add) {
	ends := map[string]bool{
		"errcode": e.Errcode != nil, "http": e.HTTP != 0, "stale_token": e.StaleToken != 0, "quota": e.Quota, "reset": e.Reset != "",
		"lost_answer": e.LostAnswer != "", "truncate": e.Truncate != 0, "malformed": e.Malformed,
	}
	first := ""
	for _, key := range []string{"errcode", "http", "stale_token", "quota", "reset", "lost_answer", "truncate", "malformed"} {
		switch {
		case !ends[key]:
		case first != "":
			add(".effect."+key, "make two rules of it", "a call has one end: %s and %s contradict each other", first, key)
			return
		default:
			first = key
		}
	}
}
