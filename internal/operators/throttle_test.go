package operators

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/record"
)

// stepBack has the clock as if it had stood so much ahead when the attempts so far
// were counted.
func stepBack(t *testing.T, svc *Service, step time.Duration) {
	t.Helper()
	records, err := svc.store.List(t.Context(), string(kindAttempts), "", 99)
	if err != nil || len(records) == 0 {
		t.Fatalf("%d counts, %v", len(records), err)
	}
	for _, r := range records {
		_, err := kindAttempts.Edit(t.Context(), svc.store, r.Key, func(e *record.Entry[attempts]) error {
			e.Value.Last += step.Milliseconds()
			e.Expires = e.Expires.Add(step)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// steps are how far clocks were ahead.
var steps = []time.Duration{90 * time.Second, 10 * time.Minute, 365 * 24 * time.Hour}

// After a clock that was ahead nobody waits for it to come again, neither for a typo
// of somebody else at the address nor for one of its own.
func TestClockStepsBackAfterATypo(t *testing.T) {
	for _, step := range steps {
		synctest.Test(t, func(t *testing.T) {
			svc := open(t, memstore.New())
			enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
			for _, name := range []string{"nobody", "anna"} {
				_, err := svc.Login(t.Context(), Attempt{Name: name, Password: "wrong", Addr: home})
				wantReason(t, err, BadCredentials)
			}
			stepBack(t, svc, step)
			if _, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home}); err != nil {
				t.Errorf("%v back, the right password: %v", step, err)
			}
		})
	}
}

// Who has to wait waits no longer than without the step, and gets in after it.
func TestClockStepsBackAfterManyGuesses(t *testing.T) {
	for _, step := range steps {
		synctest.Test(t, func(t *testing.T) {
			svc := open(t, memstore.New())
			enrol(t, svc, NewOperator{Name: "anna", Role: RoleViewer})
			for range freeTries {
				_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: "wrong", Addr: home})
				wantReason(t, err, BadCredentials)
			}
			stepBack(t, svc, step)
			right := Attempt{Name: "anna", Password: password, Addr: home}
			_, err := svc.Login(t.Context(), right)
			if e := wantReason(t, err, TooMany); e.Wait != time.Second {
				t.Errorf("%v back: wait %v, want 1s", step, e.Wait)
			}
			time.Sleep(time.Second)
			if _, err := svc.Login(t.Context(), right); err != nil {
				t.Errorf("%v back, after the wait: %v", step, err)
			}
		})
	}
}

// Wrong present passwords of some operators slow down nobody else, and each waits no
// longer than for its own.
func TestPresentPasswordsCountPerOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		boss := newSelf(t, svc, "boss", RoleAdmin)
		for _, name := range []string{"v1", "v2", "v3", "v4", "v5"} {
			viewer := newSelf(t, svc, name, RoleViewer)
			for range freeTries {
				_, err := viewer.ChangePassword(t.Context(), "wrong", "another password")
				wantRefusal(t, err, "not your present password")
			}
			_, err := viewer.ChangePassword(t.Context(), "wrong", "another password")
			wantReason(t, err, TooMany)
		}
		if _, err := boss.ChangePassword(t.Context(), password, "another password"); err != nil {
			t.Errorf("the right one of another operator: %v", err)
		}
	})
}

// From however many addresses somebody guesses who knows the password: some 20 codes
// are judged, then the tickets of before are void and waits grow.
func TestGuessingCodesIsSlowedDownPerOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		var log strings.Builder
		svc.log = slog.New(slog.NewTextHandler(&log, nil))
		secret := setFactor(t, newSelf(t, svc, "anna", RoleAdmin))
		time.Sleep(credentials.Period)
		_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: codeOf(t, secret), Addr: away})
		if err != nil {
			t.Fatal(err) // known from there from now on: no delay
		}
		time.Sleep(credentials.Period)
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: home})
		ticket := wantReason(t, err, NeedCode).Ticket
		judged := 0
		for i := range 600 {
			_, err := svc.Login(t.Context(), Attempt{Ticket: ticket, Code: "12345", Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
			if wantAny(t, err) == BadCode {
				judged++
			}
		}
		if judged > 21 {
			t.Errorf("%d of 600 codes were judged", judged)
		}
		if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "operator=anna wrong=20") {
			t.Errorf("the log has %q", text)
		}
		time.Sleep(time.Second)
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: codeOf(t, secret), Addr: away})
		wantReason(t, err, BadCredentials) // the ticket is void
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: away})
		ticket = wantReason(t, err, NeedCode).Ticket
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: "12345", Addr: away})
		wantReason(t, err, BadCode)
		time.Sleep(time.Millisecond)
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: away})
		ticket = wantReason(t, err, NeedCode).Ticket
		_, err = svc.Login(t.Context(), Attempt{Ticket: ticket, Code: codeOf(t, secret), Addr: away})
		if e := wantReason(t, err, TooMany); e.Wait != 2*time.Second {
			t.Errorf("wait %v, want 2s", e.Wait)
		}
		time.Sleep(2 * time.Second)
		if _, err := svc.Login(t.Context(), Attempt{Ticket: ticket, Code: codeOf(t, secret), Addr: away}); err != nil {
			t.Errorf("the right code after the wait: %v", err)
		}
		_, err = svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Code: "12345", Addr: away})
		wantReason(t, err, BadCode) // all is forgotten
	})
}

// An attempt that is not judged writes nothing, whichever count refuses it.
func TestRefusedAttemptsWriteNothing(t *testing.T) {
	different := func(i int) string { return strings.Repeat("x", i+1) }
	for free, name := range map[int]func(int) string{
		freeFromAddress: different,
		freeTries:       func(int) string { return "anna" },
	} {
		synctest.Test(t, func(t *testing.T) {
			svc := open(t, memstore.New())
			for i := range free {
				_, err := svc.Login(t.Context(), Attempt{Name: name(i), Password: "wrong", Addr: home})
				wantReason(t, err, BadCredentials)
			}
			counts := func() []mpblock.Record {
				t.Helper()
				records, err := svc.store.List(t.Context(), string(kindAttempts), "", 999)
				if err != nil {
					t.Fatal(err)
				}
				return records
			}
			before := counts()
			for i := range 10 {
				_, err := svc.Login(t.Context(), Attempt{Name: name(free + i), Password: "wrong", Addr: home})
				wantReason(t, err, TooMany)
			}
			same := func(a, b mpblock.Record) bool { return a.Key == b.Key && a.Version == b.Version }
			if after := counts(); !slices.EqualFunc(before, after, same) {
				t.Errorf("%d free: %d counts before, %d after, or other versions", free, len(before), len(after))
			}
		})
	}
}

// Who guesses from many addresses waits in a queue of its own, which ends: who comes
// from an address where the operator has logged in before gets in meanwhile.
func TestGuessersKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := open(t, memstore.New())
		newSelf(t, svc, "anna", RoleViewer)
		login := func(addr netip.Addr) error {
			_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: password, Addr: addr})
			return err
		}
		if err := login(home); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		const guesses = freeOfName + credentials.MaxWaiting // the first are judged at once, the others after a delay
		for i := range guesses {
			go func() {
				addr := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
				_, err := svc.Login(t.Context(), Attempt{Name: "anna", Password: "guess", Addr: addr})
				ended <- err
			}()
			synctest.Wait()
		}
		wantReason(t, login(away), Busy)
		if err := login(home); err != nil {
			t.Errorf("from home: %v", err)
		}
		for range guesses {
			wantReason(t, <-ended, BadCredentials)
		}
		if err := login(away); err != nil {
			t.Errorf("after the queue: %v", err)
		}
	})
}
