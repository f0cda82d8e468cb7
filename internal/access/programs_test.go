package access

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
	"mpblock/internal/wire"
)

// program makes a program of the account, and returns the account as the program calls
// it: with its secret.
func (r *rig) program(name string, scopes ...programs.Scope) *rig {
	r.t.Helper()
	if scopes == nil {
		scopes = programs.Scopes()
	}
	_, secret, err := r.AddProgram(r.t.Context(), r.account.AppID, programs.New{Name: name, Scopes: scopes, By: "admin"})
	if err != nil {
		r.t.Fatal(err)
	}
	other := *r
	other.secret = secret
	return &other
}

// may checks what a call with a token comes to, and who the caller is.
func (r *rig) may(token string, call mpblock.Call, code wire.Code, actor string) {
	r.t.Helper()
	who, err := r.Authorize(r.t.Context(), token, call, loopback)
	wantCode(r.t, err, code)
	if who.Actor != actor {
		r.t.Errorf("the caller is %q, want %q", who.Actor, actor)
	}
}

func TestTokensTellTheProgram(t *testing.T) {
	r := newRig(t)
	crm, bot := r.program("crm"), r.program("bot")
	for _, x := range []struct {
		who   *rig
		actor string
	}{{r, "api"}, {crm, "api:crm"}, {bot, "api:bot"}} {
		for _, tok := range []string{x.who.plain(), x.who.stable(false).Value} {
			if len(tok) > 512 {
				t.Errorf("a token of %d characters", len(tok))
			}
			r.may(tok, mpblock.CallBlock, wire.CodeOK, x.actor)
			r.node().may(tok, mpblock.CallList, wire.CodeOK, x.actor)
		}
	}
	app, program, ok := r.Bearer(crm.plain())
	if app != r.account.AppID || program != "crm" || !ok {
		t.Errorf("the bearer is %s, %q, %v", app, program, ok)
	}
	if got := []string{r.Owner(t.Context(), app, crm.secret), r.Owner(t.Context(), app, r.secret), r.Owner(t.Context(), "wx0", crm.secret)}; fmt.Sprint(got) != "[crm  ]" {
		t.Errorf("the secrets are of %q", got)
	}
}

// No program ends the tokens of another, nor the account's own secret, nor the other way
// round: neither by plain tokens, nor by a forced refresh, nor by a new secret.
func TestProgramsDoNotFightOverTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		all := []*rig{r, r.program("crm"), r.program("bot")}
		plain, stable := make([]string, 3), make([]string, 3)
		for i, who := range all {
			plain[i], stable[i] = who.plain(), who.stable(false).Value
		}
		for i, who := range all {
			for range 3 {
				plain[i] = who.plain()
			}
			time.Sleep(10 * time.Minute) // what was superseded has ended
			stable[i] = who.stable(true).Value
			for k := range all {
				r.want(plain[k], wire.CodeOK)
				r.want(stable[k], wire.CodeOK)
			}
		}
		if _, err := r.RotateSecret(t.Context(), r.account.AppID); err != nil {
			t.Fatal(err)
		}
		r.want(plain[0], wire.CodeBadToken)
		r.want(plain[1], wire.CodeOK)
		_, secret, err := r.RotateProgram(t.Context(), r.account.AppID, "crm")
		if err != nil {
			t.Fatal(err)
		}
		r.want(plain[1], wire.CodeBadToken)
		r.want(stable[1], wire.CodeBadToken)
		r.want(plain[2], wire.CodeOK)
		_, err = all[1].Token(t.Context(), all[1].credentials())
		wantCode(t, err, wire.CodeBadSecret)
		all[1].secret = secret
		r.want(all[1].plain(), wire.CodeOK)
	})
}

// What is revoked on one node is refused there at once, and on another within a second,
// also where it is asked for all the time.
func TestRevokedOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		crm := r.program("crm")
		node := r.node()
		plain, stable := crm.plain(), crm.stable(false).Value
		node.want(plain, wire.CodeOK)
		node.want(stable, wire.CodeOK)
		if _, err := r.RevokeProgram(t.Context(), r.account.AppID, "crm"); err != nil {
			t.Fatal(err)
		}
		r.want(plain, wire.CodeBadToken)
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			_, _ = node.Authorize(t.Context(), plain, mpblock.CallList, loopback)
		}
		for _, tok := range []string{plain, stable} {
			_, err := node.Authorize(t.Context(), tok, mpblock.CallList, loopback)
			wantRefusal(t, err, "program crm, which got the access token, was revoked")
		}
		_, err := node.Token(t.Context(), crm.credentials())
		wantCode(t, err, wire.CodeBadSecret)

		// The same name with another secret is another program: the old tokens stay bad.
		again := r.program("crm")
		r.want(again.plain(), wire.CodeOK)
		r.want(plain, wire.CodeBadToken)
		node.want(plain, wire.CodeBadToken)
		_, err = node.StableToken(t.Context(), crm.credentials(), false)
		wantCode(t, err, wire.CodeBadSecret)
	})
}

// A program that another node has just made is known here at once.
func TestProgramOfAnotherNode(t *testing.T) {
	r := newRig(t)
	node := r.node()
	node.want(r.plain(), wire.CodeOK) // what the account is, is remembered there
	node.may(r.program("crm").plain(), mpblock.CallList, wire.CodeOK, "api:crm")
}

func TestScopes(t *testing.T) {
	r := newRig(t)
	reader, writer := r.program("reader", programs.Read), r.program("writer", programs.Write)
	read, write := reader.plain(), writer.plain()
	for _, call := range mpblock.Calls() {
		scope := programs.ScopeOf(call)
		want := map[programs.Scope]wire.Code{programs.Read: wire.CodeOK, programs.Write: wire.CodeOK}
		for s := range want {
			if scope != "" && scope != s {
				want[s] = wire.CodeUnauthorized
			}
		}
		r.may(read, call, want[programs.Read], "api:reader")
		r.may(write, call, want[programs.Write], "api:writer")
	}
	_, err := r.Authorize(t.Context(), read, mpblock.CallBlock, loopback)
	wantRefusal(t, err, "program reader of account "+string(r.account.AppID)+" has not the scope write, which this call takes: give it with mpblock program scope --account "+string(r.account.AppID)+" reader read write")
	for scope, call := range map[programs.Scope]mpblock.Call{programs.Write: "passed", programs.Read: mpblock.CallList} {
		if got := programs.ScopeOf(call); got != scope {
			t.Errorf("%s takes %q", call, got)
		}
	}
	if _, err := r.ScopeProgram(t.Context(), r.account.AppID, "reader", programs.Scopes()); err != nil {
		t.Fatal(err)
	}
	r.may(read, mpblock.CallBlock, wire.CodeOK, "api:reader")
}

func TestProgramsThatAreRefused(t *testing.T) {
	r := newRig(t)
	app := r.account.AppID
	r.program("crm")
	both := programs.Scopes()
	hash := mpblock.HashSecret(strings.Repeat("a", 32))
	if _, _, err := r.AddProgram(t.Context(), app, programs.New{Name: "old", Scopes: both, SecretHash: &hash}); err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]programs.New{
		`"" is no name`:             {Scopes: both},
		`"CRM" is no name`:          {Name: "CRM", Scopes: both},
		`".." is no name`:           {Name: "..", Scopes: both},
		`"a/b" is no name`:          {Name: "a/b", Scopes: both},
		"want 1 to 32":              {Name: strings.Repeat("n", 33), Scopes: both},
		"has a program crm already": {Name: "crm", Scopes: both},
		"one scope at least":        {Name: "x"},
		"32 lower-case":             {Name: "x", Scopes: both, Secret: "secret"},
		"have the same":             {Name: "x", Scopes: both, Secret: strings.Repeat("a", 32)},
	} {
		_, _, err := r.AddProgram(t.Context(), app, n)
		wantRefusal(t, err, text)
	}
	if _, err := r.RevokeProgram(t.Context(), app, "old"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for text, do := range map[string]func() error{
		"has no program none":       func() error { _, err := r.RevokeProgram(ctx, app, "none"); return err },
		"no program other":          func() error { _, err := r.Program(ctx, app, "other"); return err },
		`"../x" is no name`:         func() error { _, _, err := r.RotateProgram(ctx, app, "../x"); return err },
		"program old was revoked":   func() error { _, _, err := r.RotateProgram(ctx, app, "old"); return err },
		"there is no account":       func() error { _, err := r.Programs(ctx, "wx0000000000000000"); return err },
		"no account wx1":            func() error { _, err := r.RevokeProgram(ctx, "wx1111111111111111", "crm"); return err },
		"one scope at least":        func() error { _, err := r.ScopeProgram(ctx, app, "crm", nil); return err },
		`no scope "send"`:           func() error { _, err := programs.ParseScopes([]string{"read", "send"}); return err },
		"needs one scope at least:": func() error { _, err := programs.ParseScopes(nil); return err },
	} {
		wantRefusal(t, do(), text)
	}
}

// There are so many programs of an account; those that were revoked are not among them,
// are shown for a while, and make room in the end.
func TestManyPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		app := r.account.AppID
		add := func(name string) error {
			_, _, err := r.AddProgram(t.Context(), app, programs.New{Name: name, Scopes: programs.Scopes()})
			return err
		}
		for i := range programs.Max {
			if err := add(fmt.Sprint("p", i)); err != nil {
				t.Fatal(err)
			}
		}
		wantRefusal(t, add("more"), "has 100 programs, the most there can be")
		if _, err := r.RevokeProgram(t.Context(), app, "p0"); err != nil {
			t.Fatal(err)
		}
		if err := add("more"); err != nil {
			t.Fatal(err)
		}
		all, err := r.Programs(t.Context(), app)
		if err != nil || len(all) != programs.Max+1 || all[0].Name != "more" || all[1].Name != "p0" || all[1].Revoked.IsZero() {
			t.Fatalf("%d programs, %v", len(all), err)
		}
		time.Sleep(31 * 24 * time.Hour)
		if _, err := r.RevokeProgram(t.Context(), app, "p1"); err != nil {
			t.Fatal(err)
		}
		if err := add("last"); err != nil {
			t.Fatal(err)
		}
		if all, err = r.Programs(t.Context(), app); err != nil || len(all) != programs.Max+1 {
			t.Errorf("%d programs, %v", len(all), err)
		}
		if _, err := r.Program(t.Context(), app, "p0"); !errors.Is(err, programs.ErrNone) {
			t.Errorf("what was revoked long ago: %v", err)
		}
	})
}

// Who makes a program for each run of something, and revokes it then, does not have each
// call read all of them: the last hundred stay. A name that is used again is no way back
// for tokens of its former programs, within one moment of the clock too.
func TestManyRevokedPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		app := r.account.AppID
		var first string
		for i := range programs.Max + 20 {
			p := r.program(fmt.Sprint("build-", i))
			if i == 0 {
				first = p.plain()
			}
			if _, err := r.RevokeProgram(t.Context(), app, fmt.Sprint("build-", i)); err != nil {
				t.Fatal(err)
			}
		}
		r.program("crm")
		all, err := r.Programs(t.Context(), app)
		if err != nil || len(all) != programs.Max+1 {
			t.Fatalf("%d programs, want %d, %v", len(all), programs.Max+1, err)
		}
		r.want(first, wire.CodeBadToken)
		again := 0
		for i := range programs.Max + 20 {
			if _, err := r.Program(t.Context(), app, fmt.Sprint("build-", i)); errors.Is(err, programs.ErrNone) {
				p := r.program(fmt.Sprint("build-", i))
				p.want(p.plain(), wire.CodeOK)
				again++
			}
		}
		if again < 20 {
			t.Errorf("%d programs were forgotten", again)
		}
		r.want(first, wire.CodeBadToken)
	})
}

// A revoked program that goes on calling does not have the store read for each call.
func TestRevokedThatGoesOnCalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.program("crm").plain()
		if _, err := r.RevokeProgram(t.Context(), r.account.AppID, "crm"); err != nil {
			t.Fatal(err)
		}
		slow := storetest.NewSlow(r.store.(mpblock.Store), time.Millisecond)
		r.store = slow
		for range 20 {
			r.want(tok, wire.CodeBadToken)
		}
		if n := slow.Calls()["Get"]; n > 2 {
			t.Errorf("20 calls read %d records, want 2", n)
		}
	})
}

// When a program was last used is known here at once, and to others once it is written:
// a minute may be missing, and a call writes nothing.
func TestLastUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := &rig{Service: open(t, store), t: t}
		r.account, r.secret = addAccount(t, r.Service, NewAccount{})
		crm, node := r.program("crm"), r.node()
		used := func(r *rig) time.Time {
			t.Helper()
			p, err := r.Program(t.Context(), r.account.AppID, "crm")
			if err != nil {
				t.Fatal(err)
			}
			return p.Used
		}
		tok := crm.plain()
		if !used(r).IsZero() {
			t.Errorf("used at %v by nobody", used(r))
		}
		time.Sleep(time.Hour)
		first := time.Now()
		r.want(tok, wire.CodeOK)
		if !used(r).Equal(first) || !used(node).IsZero() {
			t.Errorf("used at %v here, %v there", used(r), used(node))
		}
		write := func() {
			t.Helper()
			if err := r.WriteCalls(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		write()
		if !used(node).Equal(first) {
			t.Errorf("written as %v", used(node))
		}
		time.Sleep(10 * time.Second)
		r.want(tok, wire.CodeOK)
		write()
		if !used(node).Equal(first) {
			t.Error("written again within a minute")
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := first.Add(10 * time.Second); !used(node).Equal(want) {
			t.Errorf("at the end %v is written, want %v", used(node), want)
		}
	})
}

// An emulator ends a token before its time; those of others stay.
func TestKillATokenOfAProgram(t *testing.T) {
	r := newRig(t)
	crm := r.program("crm")
	tok, own := crm.plain(), r.plain()
	if killed, err := r.Kill(t.Context(), tok); err != nil || !killed {
		t.Errorf("killed %v, %v", killed, err)
	}
	if killed, err := r.Kill(t.Context(), tok); err != nil || killed {
		t.Errorf("killed again %v, %v", killed, err)
	}
	r.want(tok, wire.CodeBadToken)
	r.want(own, wire.CodeOK)
	r.want(crm.plain(), wire.CodeOK)
}

// A program ends with its account.
func TestProgramsOfAnAccountThatEnds(t *testing.T) {
	r := newRig(t)
	crm := r.program("crm")
	tok := crm.plain()
	r.want(tok, wire.CodeOK)
	if _, err := r.UpdateAccount(t.Context(), r.account.AppID, func(a *mpblock.Account) error { a.Retired = true; return nil }); err != nil {
		t.Fatal(err)
	}
	r.may(tok, mpblock.CallList, wire.CodeBadAppID, "api:crm")
	if err := errors.Join(r.Remove(t.Context(), r.account.AppID), r.Erase(t.Context(), r.account.AppID)); err != nil {
		t.Fatal(err)
	}
	r.want(tok, wire.CodeBadToken)
	if kinds := naming(t, r.store, r.account.AppID); strings.Contains(fmt.Sprint(kinds), "program") {
		t.Errorf("left %q", kinds)
	}
	if err := r.WriteCalls(t.Context()); err != nil {
		t.Error(err)
	}
	if kinds := naming(t, r.store, r.account.AppID); strings.Contains(fmt.Sprint(kinds), "program") {
		t.Errorf("written again: %q", kinds)
	}
}
