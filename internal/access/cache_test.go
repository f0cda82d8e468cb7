package access

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
	"mpblock/internal/wire"
)

// At the moment what the cache holds of an account is too old, all calls share one
// read of the store: of the account and of its tokens.
func TestCallsShareARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		tok := r.plain()
		slow := storetest.NewSlow(r.store.(mpblock.Store), 10*time.Millisecond)
		r.store = slow
		r.want(tok, wire.CodeOK)
		for range 3 {
			time.Sleep(maxAge)
			slow.Calls()
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() { r.want(tok, wire.CodeOK) })
			}
			wg.Wait()
			if n := slow.Calls()["Get"]; n != 2 {
				t.Errorf("64 calls at once read %d records, want 2", n)
			}
		}
	})
}

// A call does not take what was read from before it by more than the cache may be old,
// however slow the store is: what another node has revoked a second ago is refused.
func TestSharedReadIsNotOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := &rig{Service: open(t, store), t: t}
		r.account, r.secret = addAccount(t, r.Service, NewAccount{})
		tok := r.plain()
		node := &rig{Service: open(t, store), t: t, account: r.account}
		node.store = storetest.NewSlow(store, 10*time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { node.want(tok, wire.CodeOK) }) // reads what was before the rotation
		time.Sleep(15 * time.Second)
		if _, err := r.RotateSecret(t.Context(), r.account.AppID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		node.want(tok, wire.CodeBadToken)
		wg.Wait()
	})
}
