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

	"mpblock"
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
	if err := d.ConfirmSecondFactor(t.Context(), codeOf(t, f.Secret)); err != nil {
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
		wantRefusal(t, d.ConfirmSecondFactor(t.Context(), "123456"), "no new key")
		secret := setFactor(t, d)
		_, err := d.NewSecondFactor(t.Context())
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

func TestSessionStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		s := open(t, store).Sessions()
		end := time.Now().Add(time.Hour)
		if err := s.Commit("token", []byte("data"), end); err != nil {
			t.Fatal(err)
		}
		if b, ok, err := open(t, store).Sessions().Find("token"); string(b) != "data" || !ok || err != nil {
			t.Errorf("found %q, %v, %v", b, ok, err)
		}
		records, err := store.List(t.Context(), string(kindSession), "", 9)
		if err != nil || len(records) != 1 || strings.Contains(records[0].Key, "token") {
			t.Errorf("kept as %+v, %v", records, err)
		}
		version := records[0].Version
		put := func(data string, end time.Time) (uint64, mpblock.Record) {
			t.Helper()
			if err := s.Commit("token", []byte(data), end); err != nil {
				t.Fatal(err)
			}
			r, err := store.Get(t.Context(), string(kindSession), records[0].Key)
			if err != nil {
				t.Fatal(err)
			}
			return r.Version, r
		}
		if v, _ := put("data", end.Add(touchApart)); v != version {
			t.Error("a session that is touched again soon is written again")
		}
		if v, r := put("data", end.Add(touchApart+1)); v == version || !r.Expires.After(end) {
			t.Error("a session that is used does not live on")
		}
		if _, r := put("more", end); string(r.Value) != "more" {
			t.Error("new data were not kept")
		}
		if err := s.Delete("token"); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit("token", []byte("late"), end); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Find("token"); ok || err != nil {
			t.Errorf("a session that was ended is back: %v", err)
		}
		if err := s.Delete("other"); err != nil {
			t.Errorf("the end of no session: %v", err)
		}
		time.Sleep(time.Hour)
		if records, err := store.List(t.Context(), string(kindSession), "", 9); len(records) != 0 || err != nil {
			t.Errorf("%d records of ended sessions, %v", len(records), err)
		}
	})
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
