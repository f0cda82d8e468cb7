package server

import (
	"strings"
	"testing"

	"mpblock/internal/access/programs"
	"mpblock/internal/seed"
)

// Programs are of an emulator's state: those of the seed come back with a reset, a
// snapshot has them with their tokens, and what is written as a seed too.
func TestProgramsOfAnEmulator(t *testing.T) {
	t.Parallel()
	const secret = "fedcba9876543210fedcba9876543210"
	from, err := seed.Read(strings.NewReader("accounts: [{appid: "+string(DemoAppID)+", programs: [{name: crm, secret: "+secret+"}]}]"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, api := emulateWith(t, Config{Emulate: &Emulation{Seed: from}})
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	names := func(want string) {
		t.Helper()
		all, err := s.Access().Programs(t.Context(), DemoAppID)
		do(err)
		var got []string
		for _, p := range all {
			if p.Revoked.IsZero() {
				got = append(got, p.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("programs %q, want %q", got, want)
		}
	}
	add := func(name string) {
		t.Helper()
		_, _, err := s.Access().AddProgram(t.Context(), DemoAppID, programs.New{Name: name, Scopes: programs.Scopes()})
		do(err)
	}
	names("crm")
	c := &caller{t: t, api: api.URL}
	c.loginWith(secret)
	add("bot")
	do(s.SaveSnapshot(t.Context(), "both"))
	_, err = s.Access().RevokeProgram(t.Context(), DemoAppID, "crm")
	do(err)
	if code := c.list().code(t); code != 40001 {
		t.Errorf("after the end of its program a token is answered %d", code)
	}
	names("bot")
	do(s.RestoreSnapshot(t.Context(), "both"))
	names("bot crm")
	if code := c.list().code(t); code != 0 {
		t.Errorf("the restored program's token is answered %d", code)
	}
	do(s.Reset(t.Context()))
	names("crm")
	c.loginWith(secret)
}
