package operators

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

func TestFirstOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		if needs, err := svc.NeedsSetup(t.Context()); err != nil || !needs {
			t.Errorf("an empty store needs no setup: %v", err)
		}
		old, err := svc.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token, err := svc.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, svc.CheckSetup(t.Context(), old), "not good any more")
		wantRefusal(t, svc.CheckSetup(t.Context(), ""), "not good any more")
		time.Sleep(LinkLife)
		wantRefusal(t, svc.CheckSetup(t.Context(), token), "not good any more")
		if token, err = svc.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(LinkLife - time.Millisecond)
		_, err = svc.UseSetup(t.Context(), token, "Anna", password)
		wantRefusal(t, err, `the name "Anna": want 1 to 40 lower-case letters`)
		_, err = svc.UseSetup(t.Context(), token, "anna", "short")
		wantRefusal(t, err, "a password of 5 characters: want at least 10")
		s, err := svc.UseSetup(t.Context(), token, "anna", password)
		if err != nil {
			t.Fatal(err)
		}
		if o := selfOf(t, svc, s).Operator(); o.Name != "anna" || o.Role != RoleAdmin {
			t.Errorf("the first operator is %+v", o)
		}
		_, err = svc.UseSetup(t.Context(), token, "bert", password)
		wantRefusal(t, err, "there is an operator already")
		if token, err = svc.Setup(t.Context()); token != "" || err != nil {
			t.Errorf("a token for another first operator: %q, %v", token, err)
		}
	})
}

// However many use the token at once, on however many nodes, there is one first
// operator.
func TestFirstOperatorIsMadeOnce(t *testing.T) {
	store := memstore.New()
	token, err := open(t, store).Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var made atomic.Int32
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		svc := open(t, store)
		wg.Go(func() {
			if _, err := svc.UseSetup(t.Context(), token, name, password); err == nil {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if all, err := open(t, store).Operators(t.Context()); err != nil || len(all) != 1 || made.Load() != 1 {
		t.Errorf("%d first operators, %d made, %v", len(all), made.Load(), err)
	}
}

func TestDemo(t *testing.T) {
	svc := open(t, memstore.New())
	token, err := svc.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := svc.UseDemo(t.Context(), token, false)
	if err != nil || !selfOf(t, svc, s).Operator().Role.AtLeast(RoleAdmin) {
		t.Errorf("demo %+v, %v", s, err)
	}
	_, err = svc.UseDemo(t.Context(), token, false)
	wantRefusal(t, err, "not good any more")
	for range 3 {
		if _, err := svc.UseDemo(t.Context(), token, true); err != nil {
			t.Errorf("again at the machine itself: %v", err)
		}
	}
	_, err = svc.UseDemo(t.Context(), "other", true)
	wantRefusal(t, err, "not good any more")
	if token, err = svc.Demo(t.Context()); err != nil { // a restart
		t.Fatal(err)
	}
	if _, err := selfOf(t, svc, s).ChangePassword(t.Context(), "", password); err != nil {
		t.Error(err)
	}
	if again, err := svc.Demo(t.Context()); again != "" || err != nil {
		t.Errorf("once the demo has a password: %q, %v", again, err)
	}
	if _, err := svc.UseDemo(t.Context(), token, false); err != nil {
		t.Errorf("a link that was given out before: %v", err)
	}
	_, err = svc.UseDemo(t.Context(), token, true)
	wantRefusal(t, err, "not good any more")
}

func TestOperatorsAreChecked(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "anna", Role: RoleAdmin, Email: "Anna@example.com"})
	for text, n := range map[string]NewOperator{
		"want 1 to 40 lower-case":              {Name: "a b", Role: RoleViewer},
		`the name ""`:                          {Role: RoleViewer},
		`the name "-a"`:                        {Name: "-a", Role: RoleViewer},
		`the name "` + strings.Repeat("a", 41): {Name: strings.Repeat("a", 41), Role: RoleViewer},
		`the name "安娜"`:                        {Name: "安娜", Role: RoleViewer},
		`the role "root"`:                      {Name: "bert", Role: "root"},
		"an admin sees all accounts":           {Name: "bert", Role: RoleAdmin, Accounts: []mpblock.AppID{"wx0123456789abcdef"}},
		`"wx1" is no AppID`:                    {Name: "bert", Role: RoleViewer, Accounts: []mpblock.AppID{"wx1"}},
		`the language "de"`:                    {Name: "bert", Role: RoleViewer, Language: "de"},
		`"nobody" is no email`:                 {Name: "bert", Role: RoleViewer, Email: "nobody"},
		`is that of operator "anna"`:           {Name: "bert", Role: RoleViewer, Email: "ANNA@example.com"},
		`an operator "anna" exists already`:    {Name: "anna", Role: RoleViewer},
	} {
		_, _, err := svc.AddOperator(t.Context(), n)
		wantRefusal(t, err, text)
	}
	if len("console:"+strings.Repeat("a", MaxOperatorName)) > mpblock.MaxActor {
		t.Error("the longest name does not fit into an actor")
	}
	all, err := svc.Operators(t.Context())
	if err != nil || len(all) != 1 || all[0].Email != "anna@example.com" || all[0].LastLogin.IsZero() {
		t.Errorf("operators after refusals: %+v, %v", all, err)
	}
}

func TestThereIsAlwaysAnAdmin(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "anna", Role: RoleAdmin})
	enrol(t, svc, NewOperator{Name: "olga", Role: RoleOperator})
	last := "this would leave no admin who can log in"
	wantRefusal(t, svc.DeleteOperator(t.Context(), "anna"), last)
	wantRefusal(t, svc.DisableOperator(t.Context(), "anna", true), last)
	_, err := svc.UpdateOperator(t.Context(), NewOperator{Name: "anna", Role: RoleOperator})
	wantRefusal(t, err, last)
	wantRefusal(t, svc.DeleteOperator(t.Context(), "nobody"), `there is no operator "nobody"`)
	if _, err := svc.UpdateOperator(t.Context(), NewOperator{Name: "olga", Role: RoleAdmin, Language: "zh"}); err != nil {
		t.Fatal(err)
	}
	if err := svc.DisableOperator(t.Context(), "anna", true); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, svc.DeleteOperator(t.Context(), "olga"), last)
}

// Two admins, each of whom removes the other on a node of its own: one stays.
func TestThereIsAlwaysAnAdminOnManyNodes(t *testing.T) {
	for range 50 {
		store := memstore.New()
		svc := open(t, store)
		for _, name := range []string{"anna", "bert"} {
			enrol(t, svc, NewOperator{Name: name, Role: RoleAdmin})
		}
		var wg sync.WaitGroup
		for _, name := range []string{"anna", "bert"} {
			node := open(t, store)
			wg.Go(func() { _ = node.DeleteOperator(t.Context(), name) })
		}
		wg.Wait()
		if all, err := svc.Operators(t.Context()); err != nil || len(all) != 1 {
			t.Fatalf("%d admins are left, %v", len(all), err)
		}
	}
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		before := enrol(t, svc, NewOperator{Name: "anna", Role: RoleAdmin})
		d := selfOf(t, svc, before)
		setFactor(t, d)
		old, err := svc.ResetOperator(t.Context(), "anna")
		if err != nil {
			t.Fatal(err)
		}
		token, err := svc.ResetOperator(t.Context(), "anna")
		if err != nil {
			t.Fatal(err)
		}
		selfOf(t, svc, before) // nothing has changed yet
		_, err = svc.UseReset(t.Context(), old, password)
		wantRefusal(t, err, "not good any more")
		_, err = svc.UseReset(t.Context(), token, "anna-anna")
		wantRefusal(t, err, "a password of 9")
		if name, err := svc.CheckReset(t.Context(), token); name != "anna" || err != nil {
			t.Errorf("the token is for %q, %v", name, err)
		}
		s, err := svc.UseReset(t.Context(), token, "another password")
		if err != nil || selfOf(t, svc, s).Operator().SecondFactor {
			t.Errorf("the second factor is still there: %v", err)
		}
		if _, err := svc.Self(t.Context(), before); !errors.Is(err, ErrLoggedOut) {
			t.Errorf("the session of the old password: %v", err)
		}
		_, err = svc.UseReset(t.Context(), token, password)
		wantRefusal(t, err, "not good any more")
		if token, err = svc.ResetOperator(t.Context(), "anna"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(LinkLife)
		_, err = svc.CheckReset(t.Context(), token)
		wantRefusal(t, err, "its 15 minutes are over")
	})
}

// A login that is stretched lasts as if it had begun later, and others do not.
func TestLoginsAreStretched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		s := enrol(t, svc, NewOperator{Name: "root", Role: RoleAdmin})
		begin := func() Session {
			t.Helper()
			in, err := svc.Begin(t.Context(), s, "a browser", home)
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		s.Began = time.Now()
		moves, stays := begin(), begin()
		for range 2 {
			if err := svc.Stretch(t.Context(), moves, 24*time.Hour); err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour)
		}
		selfOf(t, svc, moves)
		time.Sleep(SessionLife)
		for _, over := range []Session{moves, stays} {
			if _, err := svc.Self(t.Context(), over); !errors.Is(err, ErrLoggedOut) {
				t.Errorf("%s is in still: %v", over.ID, err)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		enrol(t, svc, NewOperator{Name: "root", Role: RoleAdmin})
		ended := func(s Session, how string) {
			t.Helper()
			if _, err := svc.Self(t.Context(), s); !errors.Is(err, ErrLoggedOut) {
				t.Errorf("a session after %s: %v", how, err)
			}
		}
		s := enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
		if err := svc.EndSessions(t.Context(), "anna"); err != nil {
			t.Error(err)
		}
		ended(s, "an end by its operator")
		login := func() Session {
			t.Helper()
			s, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s = login()
		time.Sleep(SessionLife - time.Millisecond)
		selfOf(t, svc, s)
		time.Sleep(time.Millisecond)
		ended(s, "its time")
		s = login()
		s2, err := selfOf(t, svc, s).ChangePassword(t.Context(), password, password+"!")
		if err != nil {
			t.Fatal(err)
		}
		ended(s, "a new password")
		selfOf(t, svc, s2)
		if err := svc.DisableOperator(t.Context(), "anna", true); err != nil {
			t.Error(err)
		}
		ended(s2, "its operator was disabled")
		if err := svc.DisableOperator(t.Context(), "anna", false); err != nil {
			t.Error(err)
		}
		ended(s2, "its operator was disabled and enabled")
		if err := svc.DeleteOperator(t.Context(), "anna"); err != nil {
			t.Error(err)
		}
		again := enrol(t, svc, NewOperator{Name: "anna", Role: RoleAdmin})
		if again.Epoch <= s2.Epoch {
			t.Error("a session of a removed operator is good for a new one of its name")
		}
		_, err = selfOf(t, svc, again).ChangePassword(t.Context(), "wrong", password)
		wantRefusal(t, err, "not your present password")
	})
}

func TestIdentities(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "root", Role: RoleAdmin})
	if _, _, err := svc.AddOperator(t.Context(), NewOperator{Name: "anna", Role: RoleViewer, Email: "anna@example.com"}); err != nil {
		t.Fatal(err)
	}
	one, two := Identity{"https://id.example.com", "1"}, Identity{"https://id.example.com", "2"}
	notLinked := func(v Verified, what string) {
		t.Helper()
		_, err := svc.LoginVerified(t.Context(), v)
		var e *LoginError
		if !errors.As(err, &e) || e.Reason != NotLinked {
			t.Errorf("%s: %v", what, err)
		}
	}
	notLinked(Verified{one, "anna@example.com", false}, "an email that is not verified")
	notLinked(Verified{one, "eve@example.com", true}, "an email that nobody has")
	notLinked(Verified{Identity{}, "anna@example.com", true}, "nobody")
	s, err := svc.LoginVerified(t.Context(), Verified{one, "Anna@Example.com", true})
	if err != nil || s.Name != "anna" {
		t.Fatalf("by email: %+v, %v", s, err)
	}
	if s, err = svc.LoginVerified(t.Context(), Verified{one, "changed@example.com", false}); err != nil || s.Name != "anna" {
		t.Errorf("by the link: %+v, %v", s, err)
	}
	notLinked(Verified{two, "anna@example.com", true}, "another person with the email of one who is linked")
	d := selfOf(t, svc, s)
	wantRefusal(t, d.Unlink(t.Context(), one), "your only way to log in")
	if err := errors.Join(d.Link(t.Context(), two), d.Unlink(t.Context(), one)); err != nil {
		t.Error(err)
	}
	if got := d.Operator().Identities; !slices.Equal(got, []Identity{two}) {
		t.Errorf("linked to %v", got)
	}
	root := newSelf(t, svc, "other", RoleViewer)
	wantRefusal(t, root.Link(t.Context(), two), "linked to another operator")
	if err := svc.DisableOperator(t.Context(), "anna", true); err != nil {
		t.Fatal(err)
	}
	notLinked(Verified{Identity: two}, "a disabled operator")
}

// Who was invited and never came cannot log in: the last who can stays.
func TestInvitedAdminIsNoneWhoCanLogIn(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "boss", Role: RoleAdmin})
	_, token, err := svc.AddOperator(t.Context(), NewOperator{Name: "ghost", Role: RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	last := "this would leave no admin who can log in"
	wantRefusal(t, svc.DeleteOperator(t.Context(), "boss"), last)
	wantRefusal(t, svc.DisableOperator(t.Context(), "boss", true), last)
	_, err = svc.UpdateOperator(t.Context(), NewOperator{Name: "boss", Role: RoleViewer})
	wantRefusal(t, err, last)
	if _, err := svc.UseReset(t.Context(), token, password); err != nil {
		t.Fatal(err)
	}
	if err := svc.DeleteOperator(t.Context(), "boss"); err != nil {
		t.Errorf("once the other has come: %v", err)
	}
}

// The operator of the demo has no password and is its only admin.
func TestDemoAdminStays(t *testing.T) {
	svc := open(t, memstore.New())
	token, err := svc.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := svc.UseDemo(t.Context(), token, false); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, svc.DeleteOperator(t.Context(), DemoOperator), "no admin who can log in")
}

// A link to choose a password dies with all that says that its operator is in
// somebody else's hands, or has a password again.
func TestResetLinkDies(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "root", Role: RoleAdmin})
	anna := newSelf(t, svc, "anna", RoleViewer)
	for what, do := range map[string]func() error{
		"a new password": func() error {
			_, err := anna.ChangePassword(t.Context(), password, password)
			return err
		},
		"the end of its sessions": func() error { return svc.EndSessions(t.Context(), "anna") },
		"being disabled and enabled": func() error {
			return errors.Join(svc.DisableOperator(t.Context(), "anna", true), svc.DisableOperator(t.Context(), "anna", false))
		},
	} {
		s, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		anna = selfOf(t, svc, s)
		token, err := svc.ResetOperator(t.Context(), "anna")
		if err != nil {
			t.Fatal(err)
		}
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := svc.UseReset(t.Context(), token, "another password"); err == nil {
			t.Fatalf("the link is good after %s", what)
		}
	}
}

// Letters that become ASCII only when Unicode lowers them are other letters: the
// Kelvin sign is no k.
func TestEmailsAreComparedByASCIICase(t *testing.T) {
	svc := open(t, memstore.New())
	if _, _, err := svc.AddOperator(t.Context(), NewOperator{Name: "kate", Role: RoleViewer, Email: "Kate@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, err := svc.LoginVerified(t.Context(), Verified{Identity{"https://id.example.com", "1"}, "\u212Aate@example.com", true})
	wantReason(t, err, NotLinked)
	if s, err := svc.LoginVerified(t.Context(), Verified{Identity{"https://id.example.com", "2"}, "KATE@Example.com", true}); err != nil || s.Name != "kate" {
		t.Errorf("her own: %+v, %v", s, err)
	}
}
