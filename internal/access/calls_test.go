package access

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/wire"
)

// failing is a store that fails.
type failing struct{ mpblock.Store }

func (failing) Get(context.Context, string, string) (mpblock.Record, error) {
	return mpblock.Record{}, errors.New("the store fails")
}

func TestCallsAreSummedOverNodesAndRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		const app mpblock.AppID = "wx0123456789abcdef"
		for range 3 {
			p := open(t, store)
			for range 5 {
				p.CountCall(app, mpblock.CallBlock, int(wire.CodeOK))
			}
			if err := p.WriteCalls(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.CountCall(app, mpblock.CallBlock, int(wire.CodeOK))
			p.CountCall(app, mpblock.CallBlock, int(wire.CodeBadOpenID))
			p.CountCall("wx0000000000000000", mpblock.CallBlock, int(wire.CodeOK))
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p := open(t, store)
		p.CountCall(app, mpblock.CallBlock, int(wire.CodeOK)) // not written down
		day := mpblock.Day(time.Now())
		got, err := p.CallsOf(t.Context(), app, day)
		if err != nil || !slices.Equal(got, []CallCount{{mpblock.CallBlock, int(wire.CodeOK), 19}, {mpblock.CallBlock, int(wire.CodeBadOpenID), 3}}) {
			t.Errorf("calls %v, %v", got, err)
		}
		p.store = failing{store}
		if err := p.WriteCalls(t.Context()); err == nil {
			t.Error("calls were written down to a store that fails")
		}
		p.store = store
		if again, err := p.CallsOf(t.Context(), app, day); err != nil || !slices.Equal(again, got) {
			t.Errorf("calls after a failed write %v, %v", again, err)
		}
		time.Sleep(callsLife)
		if left, err := store.List(t.Context(), string(kindCalls), "", 9); len(left) != 0 || err != nil {
			t.Errorf("%d records of calls are kept, %v", len(left), err)
		}
	})
}
