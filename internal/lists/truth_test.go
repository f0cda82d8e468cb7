package lists

import (
	"context"
	"slices"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lists/truth"
)

// told is a Truth that tells what it was asked to change.
type told struct {
	truth.Truth
	asked []string
}

func (l *told) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	l.asked = append(l.asked, string(a.AppID)+" "+b.Actor)
	if time.Since(b.Time) > time.Minute {
		l.asked = append(l.asked, "a change without a date")
	}
	return l.Truth.Apply(ctx, a, b, whole)
}

// Every way to change a blacklist goes through the account's Truth, once.
func TestEveryChangeGoesThroughTheTruth(t *testing.T) {
	l := newLogged(t, 3)
	all := &told{Truth: l.svc.local}
	l.svc.local = all
	if err := l.svc.Change(t.Context(), l.a, mpblock.ActorAPI, mpblock.Block, l.ids[:1]); err != nil {
		t.Fatal(err)
	}
	if _, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids[1:], Reason: ""}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.svc.Undo(t.Context(), l.a, "console:bert", 1, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := l.svc.Apply(t.Context(), l.a, mpblock.Batch{Action: mpblock.Unblock, Actor: "job:1", OpenIDs: []mpblock.OpenID{mpblock.OpenID([]byte(l.ids[1]))}}); err != nil {
		t.Fatal(err)
	}
	app := string(l.app)
	if want := []string{app + " api", app + " console:anna", app + " console:bert", app + " job:1"}; !slices.Equal(all.asked, want) {
		t.Errorf("asked %q, want %q", all.asked, want)
	}
	if page, err := l.svc.Blacklist(t.Context(), l.a, ""); err != nil || page.Total != 1 {
		t.Errorf("%d blocked, %v", page.Total, err)
	}
}
