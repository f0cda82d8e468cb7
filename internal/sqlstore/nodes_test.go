//go:build mariadb

package sqlstore_test

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/wire"
)

// node opens a store and accounts of its own on a database.
func node(t *testing.T, at string) *access.Service {
	t.Helper()
	c, err := address.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(t.Context(), c, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := access.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return p
}

var local = netip.MustParseAddr("127.0.0.1")

func token(t *testing.T, p *access.Service, app mpblock.AppID, secret string, force bool) string {
	t.Helper()
	tok, err := p.StableToken(t.Context(), access.Credentials{GrantType: "client_credential", AppID: string(app), Secret: secret, IP: local}, force)
	if err != nil {
		t.Fatal(err)
	}
	return tok.Value
}

func code(err error) wire.Code {
	if err == nil {
		return wire.CodeOK
	}
	return wire.ErrorOf(err).Code
}

// What one node revokes is refused by another within a second: the test waits for
// it, longer on a machine that is busy, and fails where it never is.
func TestNodesAgreeOnTokens(t *testing.T) {
	at := mariadbtest.URL(t)
	a, b := node(t, at), node(t, at)
	account, secret, err := a.AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	call := func(p *access.Service, token string) error {
		_, err := p.Authorize(t.Context(), token, mpblock.CallList, local)
		return err
	}
	refused := func(what, token string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		ticks := time.NewTicker(10 * time.Millisecond)
		defer ticks.Stop()
		for code(call(b, token)) != wire.CodeBadToken {
			select {
			case <-ticks.C:
			case <-ctx.Done():
				t.Fatalf("%s: the other node takes the token for good", what)
			}
		}
		if code(call(a, token)) != wire.CodeBadToken {
			t.Errorf("%s: the node that did it takes the token", what)
		}
	}
	first := token(t, a, account.AppID, secret, false)
	if err := call(b, first); err != nil {
		t.Errorf("the other node's token: %v", err)
	}
	if same := token(t, b, account.AppID, secret, false); same != first {
		t.Error("two nodes gave out two stable tokens")
	}
	forced := token(t, a, account.AppID, secret, true)
	refused("a forced refresh", first)
	if err := call(b, forced); err != nil {
		t.Errorf("the new token: %v", err)
	}
	if _, err := a.RotateSecret(t.Context(), account.AppID); err != nil {
		t.Fatal(err)
	}
	refused("a new secret", forced)
}

// A daily quota holds over two nodes: all of it can be used, and no more.
func TestNodesShareQuotas(t *testing.T) {
	at := mariadbtest.URL(t)
	nodes := []*access.Service{node(t, at), node(t, at)}
	account, secret, err := nodes[0].AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	const limit = 100
	_, err = nodes[0].UpdateAccount(t.Context(), account.AppID, func(a *mpblock.Account) error {
		a.Daily = map[mpblock.Call]int{mpblock.CallList: limit}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tok := token(t, nodes[0], account.AppID, secret, false)
	var granted atomic.Int64
	spend := func(p *access.Service) {
		for {
			_, err := p.Authorize(t.Context(), tok, mpblock.CallList, local)
			switch code(err) {
			case wire.CodeOK:
				if err != nil {
					t.Error(err)
					return
				}
				granted.Add(1)
			case wire.CodeDailyQuota:
				return
			default:
				t.Error(err)
				return
			}
		}
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() { spend(nodes[i%2]) })
	}
	wg.Wait()
	for _, p := range nodes { // what one had reserved is the other's once it is given back
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := granted.Load(); n != limit {
		t.Errorf("%d calls were granted, the limit is %d", n, limit)
	}
}
