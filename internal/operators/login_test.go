package operators

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"mpblock/internal/memstore"
	"mpblock/internal/operators/credentials"
)

var (
	home = netip.MustParseAddr("192.0.2.1")
	away = netip.MustParseAddr("198.51.100.1")
)

func wantReason(t *testing.T, err error, want LoginReason) *LoginError {
	t.Helper()
	var e *LoginError
	if !errors.As(err, &e) || e.Reason != want {
		t.Fatalf("got %v, want %q", err, want)
	}
	return e
}

// setFactor sets up a second factor and returns its key.
func setFactor(t *testing.T, d *Self) string {
	t.Helper()
	f, err := d.NewSecondFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(f.URL, "otpauth://totp/mpblock:"+d.Operator().Name) {
		t.Errorf("URL %s", strings.Split(f.URL, "?")[0])
	}
	if _, err := d.ConfirmSecondFactor(t.Context(), codeOf(t, f.Secret)); err != nil {
		t.Fatal(err)
	}
	return f.Secret
}

func codeOf(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestLogin(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
	s, err := svc.Login(t.Context(), Attempt{Name: " Anna ", Password: password, Addr: home})
	if err != nil || s.Name != "anna" || selfOf(t, svc, s).Operator().LastLogin.IsZero() {
		t.Errorf("logged in as %+v, %v", s, err)
	}
	for _, a := range []Attempt{
		{Name: "anna", Password: "wrong", Addr: home},
		{Name: "anna", Addr: home},
		{Name: "nobody", Password: password, Addr: home},
		{Addr: home},
		{Ticket: "forged", Addr: home},
		{Name: "anna", Password: strings.Repeat("x", 1<<20), Addr: home},
	} {
		_, err := svc.Login(t.Context(), a)
		wantReason(t, err, BadCredentials)
	}
}

func TestPasswordsAreHashed(t *testing.T) {
	store := memstore.New()
	svc := open(t, store)
	enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
	r, err := store.Get(t.Context(), string(kindRoster), rosterKey)
	if err != nil || strings.Contains(string(r.Value), password) || !strings.Contains(string(r.Value), "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("stored as %s, %v", r.Value, err)
	}
	svc.hasher = credentials.NewHasher(credentials.Cost{Time: 2, Memory: 8, Threads: 1}) // those that were hashed before are read with their own cost
	if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil {
		t.Error(err)
	}
}

func TestLoginIsSlowedDownPerOperatorAndAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
		wrong := Attempt{Name: "anna", Password: "wrong", Addr: home}
		for range freeTries {
			_, err := svc.Login(t.Context(), wrong)
			wantReason(t, err, BadCredentials)
		}
		wait := time.Second
		for range 4 {
			_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
			if e := wantReason(t, err, TooMany); e.Wait != wait {
				t.Fatalf("wait %v, want %v", e.Wait, wait)
			}
			time.Sleep(wait)
			_, err = svc.Login(t.Context(), wrong)
			wantReason(t, err, BadCredentials)
			wait *= 2
		}
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: away}); err != nil {
			t.Errorf("the operator is locked out elsewhere: %v", err)
		}
		time.Sleep(wait)
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil {
			t.Errorf("a right password after the wait: %v", err)
		}
		_, err := svc.Login(t.Context(), wrong)
		wantReason(t, err, BadCredentials) // all is forgotten
	})
}

func TestLoginIsSlowedDownPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
		six := netip.MustParseAddr("2001:db8::1")
		for i := range freeFromAddress {
			_, err := svc.Login(t.Context(), Attempt{Name: strings.Repeat("x", i+1), Password: "wrong", Addr: six})
			wantReason(t, err, BadCredentials)
		}
		_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: netip.MustParseAddr("2001:db8::2")}) // the same host
		wantReason(t, err, TooMany)
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: netip.MustParseAddr("2001:db8:0:1::1")}); err != nil {
			t.Errorf("another network: %v", err)
		}
		time.Sleep(forgetAttempts + time.Second)
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: six}); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// From however many addresses somebody guesses, the answers come slower, and the
// operator gets in: at once from where it has been before.
func TestLoginIsSlowedDownPerOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for i := range freeOfName + 5 {
			_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: "wrong", Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})})
			wantReason(t, err, BadCredentials)
		}
		if got, want := time.Since(began), 1*time.Second+2*time.Second+3*maxDelay; got != want {
			t.Errorf("%d guesses took %v, want %v", freeOfName+5, got, want)
		}
		began = time.Now()
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: away}); err != nil || time.Since(began) != maxDelay {
			t.Errorf("from elsewhere it took %v, %v", time.Since(began), err)
		}
		began = time.Now()
		if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil || time.Since(began) != 0 {
			t.Errorf("from home it took %v, %v", time.Since(began), err)
		}
	})
}

// Many at once gain nothing: each is counted before it is judged, on all nodes.
func TestManyAttemptsAtOnce(t *testing.T) {
	store := memstore.New()
	nodes := []*Service{open(t, store), open(t, store)}
	enrol(t, nodes[0], NewOperator{Name: "anna", Role: RoleViewer})
	var judged atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := nodes[i%2].Login(t.Context(), Attempt{Name: "anna", Password: "wrong", Addr: home})
			var e *LoginError
			if errors.As(err, &e) && e.Reason == BadCredentials {
				judged.Add(1)
			}
		})
	}
	wg.Wait()
	if judged.Load() != freeTries {
		t.Errorf("%d of 40 attempts at once were judged, want %d", judged.Load(), freeTries)
	}
}

func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		d := newSelf(t, svc, "anna", RoleAdmin)
		_, err := d.ConfirmSecondFactor(t.Context(), "123456")
		wantRefusal(t, err, "no new key")
		secret := setFactor(t, d)
		_, err = d.NewSecondFactor(t.Context())
		wantRefusal(t, err, "already")

		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: codeOf(t, secret), Addr: home})
		ticket := wantReason(t, err, BadCode).Ticket // it was used to confirm the key
		time.Sleep(credentials.Period)
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: "000000", Addr: home})
		wantReason(t, err, BadCode)
		code := codeOf(t, secret)
		if _, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: code[:3] + " " + code[3:], Addr: home}); err != nil {
			t.Fatal(err)
		}
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: code, Addr: home})
		wantReason(t, err, BadCode) // a code is good once
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
		ticket = wantReason(t, err, NeedCode).Ticket
		time.Sleep(credentials.TicketLife)
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: codeOf(t, secret), Addr: home})
		wantReason(t, err, BadCredentials) // the ticket has run out
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: "wrong", Code: codeOf(t, secret), Addr: home})
		wantReason(t, err, BadCredentials)
		wantRefusal(t, d.RemoveSecondFactor(t.Context(), "wrong"), "not your present password")
		if err := d.RemoveSecondFactor(t.Context(), password); err != nil {
			t.Error(err)
		}
		if _, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil {
			t.Errorf("without the second factor: %v", err)
		}
	})
}

// Of two that show the same code at the same moment, one gets in.
func TestCodeIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		svc := open(t, store)
		secret := setFactor(t, newSelf(t, svc, "anna", RoleAdmin))
		time.Sleep(credentials.Period)
		code := codeOf(t, secret)
		var in atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				a := Attempt{Name: "anna", Password: password, Code: code, Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}
				if _, err := svc.Login(t.Context(), a); err == nil {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("one code let %d in", in.Load())
		}
	})
}

func TestGuessingCodesIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		setFactor(t, newSelf(t, svc, "anna", RoleAdmin))
		for range freeTries {
			_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: "12345", Addr: home})
			wantReason(t, err, BadCode)
		}
		_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: "12345", Addr: home})
		wantReason(t, err, TooMany)
		time.Sleep(time.Second)
		for range 5 { // the password alone does not set the count back
			_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
			if wantAny(t, err) == NeedCode {
				_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: "12345", Addr: home})
			}
		}
		wantReason(t, err, TooMany)
	})
}

func wantAny(t *testing.T, err error) LoginReason {
	t.Helper()
	var e *LoginError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	return e.Reason
}

func TestRequiredSecondFactor(t *testing.T) {
	svc := open(t, memstore.New())
	admin := newSelf(t, svc, "adam", RoleAdmin)
	s := enrol(t, svc, NewOperator{Name: "vera", Role: RoleViewer})
	wantRefusal(t, svc.SetRequireSecondFactor(t.Context(), "adam", true), "your own second factor first")
	setFactor(t, admin)
	if err := svc.SetRequireSecondFactor(t.Context(), "adam", true); err != nil {
		t.Fatal(err)
	}
	if on, err := svc.RequireSecondFactor(t.Context()); !on || err != nil {
		t.Errorf("required: %v, %v", on, err)
	}
	wantRefusal(t, admin.RemoveSecondFactor(t.Context(), password), "required of all")
	d := selfOf(t, svc, s)
	if !d.MustEnrol() {
		t.Error("who has no second factor goes on")
	}
	setFactor(t, d)
	if d.MustEnrol() {
		t.Error("who has set it up is asked for it")
	}
	if selfOf(t, svc, s).MustEnrol() {
		t.Error("it is asked for again")
	}
}

// A code of a clock that was ahead does not keep out those of the right time.
func TestClockStepsBackAfterACode(t *testing.T) {
	for _, step := range steps {
		synctest.Test(t, func(t *testing.T) {
			svc := open(t, memstore.New())
			d := newSelf(t, svc, "anna", RoleViewer)
			key := setFactor(t, d)
			_, err := svc.editOperator(t.Context(), "anna", func(_ *roster, o *operatorRecord) error {
				o.FactorStep += int64(step / credentials.Period)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * credentials.Period)
			a := Attempt{Name: "anna", Password: password, Addr: home, Code: codeOf(t, key)}
			_, err = svc.Login(t.Context(), a)
			if back := step - 2*credentials.Period; back > credentials.Period && err != nil {
				t.Errorf("%v back: %v", step, err)
			}
			_, err = svc.Login(t.Context(), a)
			wantReason(t, err, BadCode) // a code is good once all the same
		})
	}
}

func TestRecoveryCodes(t *testing.T) {
	svc := open(t, memstore.New())
	d := newSelf(t, svc, "anna", RoleAdmin)
	_, err := d.NewRecoveryCodes(t.Context(), password)
	wantRefusal(t, err, "no second factor")
	f, err := d.NewSecondFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	codes, err := d.ConfirmSecondFactor(t.Context(), codeOf(t, f.Secret))
	if err != nil || len(codes) != credentials.RecoveryCodes || d.Operator().Recovery != len(codes) {
		t.Fatalf("%d codes, %d kept, %v", len(codes), d.Operator().Recovery, err)
	}
	login := func(code string) error {
		_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: code, Addr: home})
		return err
	}
	if err := login(" " + strings.ToUpper(codes[3])); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	wantReason(t, login(codes[3]), BadCode)
	wantReason(t, login(""), NeedCode)
	_, err = d.NewRecoveryCodes(t.Context(), "wrong")
	wantRefusal(t, err, "not your present password")
	next, err := d.NewRecoveryCodes(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, login(codes[4]), BadCode)
	if err := login(next[0]); err != nil {
		t.Errorf("one of the new set: %v", err)
	}
	if err := d.RemoveSecondFactor(t.Context(), password); err != nil || d.Operator().Recovery != 0 {
		t.Errorf("without a second factor there are %d codes, %v", d.Operator().Recovery, err)
	}
	if err := login(next[1]); err != nil {
		t.Errorf("without a second factor no code is asked for: %v", err)
	}
}

// A recovery code is good once, whoever shows it at the same moment, and is slowed down
// like others.
func TestRecoveryCodesAtOnce(t *testing.T) {
	svc := open(t, memstore.New())
	d := newSelf(t, svc, "anna", RoleAdmin)
	f, err := d.NewSecondFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	codes, err := d.ConfirmSecondFactor(t.Context(), codeOf(t, f.Secret))
	if err != nil {
		t.Fatal(err)
	}
	seen, err := svc.readRoster(t.Context()) // as both find it
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, errUsedCode} {
		_, err := svc.enter(t.Context(), Attempt{Name: "anna", Code: codes[0], Addr: home}, seen.Operators["anna"], 0, func(bool) error { return nil })
		if !errors.Is(err, want) {
			t.Errorf("a code that two show at once: %v, want %v", err, want)
		}
	}
	ticket := wantReason(t, func() error {
		_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
		return err
	}(), NeedCode).Ticket
	for range freeCodes + 1 {
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: "aaaa-aaaa-aaaa-aaaa", Addr: away})
	}
	var refused *LoginError
	if !errors.As(err, &refused) || refused.Reason == BadCode {
		t.Errorf("after many wrong codes: %v", err)
	}
}

func TestLoginsOfAnOperator(t *testing.T) {
	svc := open(t, memstore.New())
	enrol(t, svc, NewOperator{Name: "anna", Role: RoleAdmin})
	in := func(agent string) Session {
		t.Helper()
		s, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
		if err != nil {
			t.Fatal(err)
		}
		if s, err = svc.Begin(t.Context(), s, agent, home); err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, two, three := in("one"), in("two"), in("three")
	me := selfOf(t, svc, one)
	all, own, err := me.Logins(t.Context())
	if err != nil || len(all) != 3 || own != one.ID {
		t.Fatalf("logins %+v, own %s, %v", all, own, err)
	}
	if err := me.EndLogin(t.Context(), two.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Self(t.Context(), two); !errors.Is(err, ErrLoggedOut) {
		t.Errorf("a login that was ended: %v", err)
	}
	selfOf(t, svc, three)
	next, err := me.EndOthers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if next, err = svc.Begin(t.Context(), next, "one", home); err != nil || next.ID != one.ID {
		t.Fatalf("the present one goes on as %+v, %v", next, err)
	}
	if _, err := svc.Self(t.Context(), three); !errors.Is(err, ErrLoggedOut) {
		t.Errorf("another one: %v", err)
	}
	if all, _, err = selfOf(t, svc, next).Logins(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("then there are %+v, %v", all, err)
	}
	if err := svc.Leave(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Self(t.Context(), next); !errors.Is(err, ErrLoggedOut) {
		t.Errorf("who has logged out: %v", err)
	}
}

func TestRowsOfAPage(t *testing.T) {
	svc := open(t, memstore.New())
	me := newSelf(t, svc, "anna", RoleViewer)
	for _, rows := range []int{0, 21, 1_000} {
		wantRefusal(t, me.SetRows(t.Context(), rows), "want 20, 50, 100 or 200")
	}
	if err := me.SetRows(t.Context(), 200); err != nil || me.Operator().Rows != 200 {
		t.Errorf("%d rows, %v", me.Operator().Rows, err)
	}
}
