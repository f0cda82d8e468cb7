package server

import (
	"testing"

	"mpblock/internal/seed"
)

// The states of an emulator of 30,000 followers, 23,000 of them blocked: what a test
// waits for between two cases.
func BenchmarkStates(b *testing.B) {
	s, err := Open(b.Context(), Config{Emulate: &Emulation{Seed: seed.Seed{Accounts: []seed.Account{{
		Followers: seed.Followers{Count: DemoFollowers}, Blacklist: []seed.Change{{Reason: "spam", Count: DemoBlocked}},
	}}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"reset", func() error { return s.Reset(b.Context()) }},
		{"snapshot save", func() error { return s.SaveSnapshot(b.Context(), "a") }},
		{"snapshot restore", func() error { return s.RestoreSnapshot(b.Context(), "a") }},
	} {
		b.Run(step.name, func(b *testing.B) {
			for b.Loop() {
				if err := step.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
