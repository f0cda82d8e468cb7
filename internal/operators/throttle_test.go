package operators

import (
	"testing"
	"testing/synctest"
	"time"

	"mpblock/internal/memstore"
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
