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
