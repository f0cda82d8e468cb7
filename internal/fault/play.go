package fault

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Call is what a rule looks at.
type Call struct {
	Path    string
	AppID   string // "" while nobody knows whose call it is
	Program string // of the account; "": it calls with the account's own secret
	OpenIDs []string
}

// Blow is what a rule does to one call.
type Blow struct {
	Rule   string
	Effect Effect
	Wait   time.Duration // Latency and Spread
	Dice   *rand.Rand    // for what the effect leaves to chance
}

// Play is a plan under way. Its methods are safe for concurrent use.
type Play struct {
	plan  Plan
	rules []rule
	mu    sync.Mutex
	state State
}

// State is how far a plan has come: with it, a Play goes on as if it had not stopped.
type State struct {
	Began time.Time `json:"began"`
	Rules []Counts  `json:"rules"` // in the order of the plan's
}

// Counts are those of a rule.
type Counts struct {
	Name   string `json:"name"`
	Seen   int    `json:"seen"`   // calls that fit its match
	Struck int    `json:"struck"` // of them
}

// rule is one with its texts compiled.
type rule struct {
	Rule
	path, appid, program, openid *regexp.Regexp // nil: any
}

// Start begins a plan.
func Start(p Plan, now time.Time) *Play {
	s := State{Began: now, Rules: make([]Counts, len(p.Rules))}
	for i, r := range p.Rules {
		s.Rules[i].Name = r.Name
	}
	return Resume(p, s)
}

// Resume goes on with a plan from where State was taken.
func Resume(p Plan, s State) *Play {
	s.Rules = append([]Counts(nil), s.Rules...)
	play := &Play{plan: p, state: s}
	for _, r := range p.Rules {
		play.rules = append(play.rules, rule{r, Pattern(r.Match.Path), Pattern(r.Match.AppID), Pattern(r.Match.Program), Pattern(r.Match.OpenID)})
	}
	return play
}

// Pattern compiles a text in which * stands for any characters; nil
// is for one that any text fits.
func Pattern(text string) *regexp.Regexp {
	if text == "" || text == "*" {
		return nil
	}
	parts := strings.Split(text, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

// Plan returns what is played.
func (p *Play) Plan() Plan { return p.plan }

// State returns how far it has come.
func (p *Play) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state
	s.Rules = append([]Counts(nil), s.Rules...)
	return s
}

// Ended tells whether the plan's time is over.
func (p *Play) Ended(now time.Time) bool {
	return p.plan.TTL > 0 && now.Sub(p.state.Began) >= time.Duration(p.plan.TTL)
}

// Strike counts a call, and returns what is to happen to it: of the rules that fit, the
// first one that strikes decides. It is asked once for each call.
func (p *Play) Strike(c Call, now time.Time) (Blow, bool) {
	if p.Ended(now) {
		return Blow{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	hit := -1
	for i := range p.rules {
		r, counts := &p.rules[i], &p.state.Rules[i]
		if !r.fits(c, now.Sub(p.state.Began)) {
			continue
		}
		counts.Seen++
		if hit < 0 && r.strikes(counts.Seen, p.dice(i, counts.Seen)) {
			hit = i
			counts.Struck++
		}
	}
	if hit < 0 {
		return Blow{}, false
	}
	b := Blow{Rule: p.rules[hit].Name, Effect: p.rules[hit].Effect, Dice: p.dice(hit, -p.state.Rules[hit].Seen)}
	b.Wait = time.Duration(b.Effect.Latency)
	if s := int64(b.Effect.Spread); s > 0 {
		b.Wait += time.Duration(b.Dice.Int64N(2*s+1) - s)
	}
	return b, true
}

// dice are those of a rule's n-th call: they depend on nothing else, so that what other
// rules do changes nothing, and a Play that was resumed throws the same.
func (p *Play) dice(i, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.rules[i].Name))
	_ = binary.Write(h, binary.BigEndian, int64(n))
	return rand.New(rand.NewPCG(p.plan.Seed, h.Sum64())) //nolint:gosec // to be the same each time
}

func (r *rule) fits(c Call, played time.Duration) bool {
	w := r.Window
	if played < time.Duration(w.After) || w.For > 0 && played >= time.Duration(w.After+w.For) {
		return false
	}
	return fits(r.path, c.Path) && fits(r.appid, c.AppID) && fits(r.program, c.Program) && (r.openid == nil || anyFits(r.openid, c.OpenIDs))
}

func fits(want *regexp.Regexp, got string) bool { return want == nil || want.MatchString(got) }

func anyFits(want *regexp.Regexp, got []string) bool {
	for _, g := range got {
		if want.MatchString(g) {
			return true
		}
	}
	return false
}

// strikes tells whether the n-th call that fits is struck.
func (r *rule) strikes(n int, dice *rand.Rand) bool {
	m := r.Match
	return (m.Nth == 0 || n == m.Nth) && (m.First == 0 || n <= m.First) && n > m.After &&
		(m.Every == 0 || (n-m.After)%m.Every == 0) && (r.Probability == 0 || dice.Float64() < r.Probability)
}
