package emulator

import (
	"maps"
	"sync"

	"mpblock"
)

// spent are the quotas that a fault has used up: calls of an account, by the day.
type spent struct {
	mu   sync.Mutex
	days map[spentKey]string
}

type spentKey struct {
	AppID mpblock.AppID
	Call  mpblock.Call
}

// Spend uses up what is left of an account's quota of a call, for the present day.
func (e *Emulator) Spend(app mpblock.AppID, call mpblock.Call) {
	e.spent.mu.Lock()
	defer e.spent.mu.Unlock()
	if e.spent.days == nil {
		e.spent.days = map[spentKey]string{}
	}
	e.spent.days[spentKey{app, call}] = mpblock.Day(e.Clock.Now())
}

// Spent tells whether Spend has used it up.
func (e *Emulator) Spent(app mpblock.AppID, call mpblock.Call) bool {
	e.spent.mu.Lock()
	defer e.spent.mu.Unlock()
	day, ok := e.spent.days[spentKey{app, call}]
	return ok && day == mpblock.Day(e.Clock.Now())
}

// Unspend gives an account all of its quotas back.
func (e *Emulator) Unspend(app mpblock.AppID) {
	e.spent.mu.Lock()
	defer e.spent.mu.Unlock()
	for k := range e.spent.days {
		if k.AppID == app {
			delete(e.spent.days, k)
		}
	}
}

func (s *spent) copied() map[spentKey]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.days)
}

func (s *spent) restore(days map[spentKey]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days = maps.Clone(days)
}
