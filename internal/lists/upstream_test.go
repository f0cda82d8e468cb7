package lists

import (
	"context"
	"slices"
	"testing"

	"mpblock"
	"mpblock/internal/lists/truth"
)

// elsewhere is the Truth of accounts whose list lies elsewhere.
type elsewhere struct {
	truth.Truth
	whole []bool
	sizes []int
}

func (e *elsewhere) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	e.whole, e.sizes = append(e.whole, whole), append(e.sizes, len(b.OpenIDs))
	return e.Truth.Apply(ctx, a, b, whole)
}

// OpenIDs that begin as no other of the account's do are refused here, unless the account
// takes any and the platform decides.
func TestForeignElsewhere(t *testing.T) {
	l := newLogged(t, 1)
	there := &elsewhere{Truth: l.svc.local}
	l.svc.upstream = there
	a := *l.a
	a.AnyFollower, a.Upstream = true, "https://platform.test"
	foreign := []string{mpblock.Mint(mpblock.Prefix{9}, mpblock.Key{1}, "somebody").String()}
	for _, all := range []bool{false, true} {
		a.AnyPrefix = all
		if err := l.svc.Change(t.Context(), &a, mpblock.ActorAPI, mpblock.Block, foreign); (err == nil) != all || (len(there.sizes) > 0) != all {
			t.Errorf("any %v: %v, asked elsewhere %v", all, err, there.sizes)
		}
	}
	a.Upstream = ""
	if _, err := Own(&a, foreign[0]); err == nil {
		t.Error("an account whose list lies here takes any prefix")
	}
}

// Where a list lies elsewhere, each step that people and programs take is whole, and has
// no more OpenIDs than one call there takes.
func TestStepsElsewhereAreWhole(t *testing.T) {
	l := newLogged(t, 25)
	there := &elsewhere{Truth: l.svc.local}
	l.svc.upstream = there
	a := *l.a
	a.Upstream = "https://platform.test"
	if _, err := l.svc.ByHand(t.Context(), &a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids, Reason: ""}); err == nil || len(there.sizes) != 0 {
		t.Errorf("25 by hand: %v", err)
	}
	if _, err := l.svc.ByHand(t.Context(), &a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids[:20], Reason: ""}); err != nil {
		t.Error(err)
	}
	if err := l.svc.Change(t.Context(), &a, mpblock.ActorAPI, mpblock.Unblock, l.ids[:3]); err != nil {
		t.Error(err)
	}
	if _, err := l.svc.ByHand(t.Context(), l.a, Hand{Actor: "console:anna", Action: mpblock.Block, OpenIDs: l.ids, Reason: ""}); err != nil {
		t.Errorf("here: %v", err)
	}
	if !slices.Equal(there.whole, []bool{true, true}) || !slices.Equal(there.sizes, []int{20, 3}) {
		t.Errorf("asked elsewhere: %v, %v", there.whole, there.sizes)
	}
}
