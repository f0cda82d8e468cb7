package upstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// Who is urgent comes first, and who does not wait any more is passed over; the turn and
// what comes with it are never left with nobody.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var u turns
		if err := u.take(t.Context(), false); err != nil || u.hand() || u.urged() {
			t.Fatal(err)
		}
		got := make(chan string, 3)
		wait := func(ctx context.Context, name string, urgent bool) {
			go func() {
				if err := u.take(ctx, urgent); err != nil {
					name = "gone"
				}
				got <- name
			}()
			synctest.Wait()
		}
		gone, leave := context.WithCancel(t.Context())
		wait(t.Context(), "job", false)
		wait(gone, "gone", true)
		wait(t.Context(), "person", true)
		leave()
		if name := <-got; name != "gone" || !u.urged() {
			t.Error(name)
		}
		if !u.hand() {
			t.Error("nobody waits")
		}
		if name := <-got; name != "person" || u.urged() {
			t.Error(name)
		}
		u.give()
		if name := <-got; name != "job" {
			t.Error(name)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := u.take(ended, true); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		u.give()
		if err := u.take(ended, true); err != nil {
			t.Error("it is free, and not to be had")
		}
	})
}
