package mpblocktest

import (
	"fmt"
	"strings"

	"mpblock/internal/emulator"
	"mpblock/internal/fault"
)

// Parts of what fails. docs/emulator.md has each of their fields; in a plan's YAML they
// bear the same names.
type (
	// Rule strikes the calls that fit its Match with its Effect. A Name is given to it
	// where it has none.
	Rule = fault.Rule
	// Match says which calls fit: a * in Path, AppID, Program and OpenID stands
	// for any characters; Nth, First, After and Every count calls.
	Match = fault.Match
	// Window is a stretch of the server's time, from when the plan began.
	Window = fault.Window
	// Effect is what happens to a call that is struck.
	Effect = fault.Effect
	// Duration is a time.Duration, as Effect.Latency has it.
	Duration = fault.Duration
	// Changes is how many entries change before the call, as Effect.Drift has it.
	Changes = fault.Drift
	// Call is a call of the program under test, as Journal has it.
	Call = emulator.Entry
)

// Values of Effect.LostAnswer and Effect.Reset.
const (
	Cut     = fault.Cut     // the connection is closed without an answer
	Gateway = fault.Gateway // a proxy answers 502 instead
	Timeout = fault.Timeout // no answer comes
	Before  = fault.Before  // the connection is reset, and nothing is done
	After   = fault.After   // the connection is reset when all is done
)

// Errcode is the effect of a return code: -1 for a platform that is busy, 45009 for a day's
// quota that is used up. Nothing is done.
func Errcode(code int) Effect { return Effect{Errcode: &code} }

// Fail has calls fail by rules, in place of those before; without any, no call fails. The
// first rule that strikes a call decides.
func (s *Server) Fail(rules ...Rule) {
	s.t.Helper()
	for i := range rules {
		if rules[i].Name == "" {
			rules[i].Name = fmt.Sprint("rule ", i+1)
		}
	}
	p := fault.Plan{Seed: 1, Rules: rules}
	if err := p.Check(); err != nil {
		s.t.Fatalf("mpblocktest: Fail: %v", err)
	}
	if len(rules) == 0 {
		s.server.Emulator().Unload()
		return
	}
	s.server.Emulator().Load(p)
}

// Plan has calls fail by a plan: YAML, JSON, or the name of one that comes with mpblock:
// busy-day, lost-answers, quota-noon, slow-network, strict, token-war.
func (s *Server) Plan(text string) {
	s.t.Helper()
	if known, ok := fault.ReadyMade(strings.TrimSpace(text)); ok {
		text = string(known)
	}
	p, err := fault.Parse([]byte(text))
	if err != nil {
		s.t.Fatalf("mpblocktest: Plan: %v", err)
	}
	s.server.Emulator().Load(p)
}

// Struck returns how often the rules of the present plan have struck, all together.
func (s *Server) Struck() int {
	n := 0
	if f := s.server.Emulator().Faults(); f != nil {
		for _, r := range f.State.Rules {
			n += r.Struck
		}
	}
	return n
}

// Journal returns the last 10,000 calls, the oldest first, without tokens and secrets. A
// call is in it before its answer is sent.
func (s *Server) Journal() []Call {
	calls, _ := s.server.Emulator().Journal.Read(emulator.Filter{}, 0, emulator.DefaultJournal)
	return calls
}
