//go:build cluster

package cluster

import (
	"strings"
	"testing"
	"time"

	"mpblock/internal/testserver"
	"mpblock/test/cluster/nodes"
)

// What revokes tokens on one node is known on all within a second.
func TestRevokedEverywhere(t *testing.T) {
	urls := database(t, galera, "revoked", false)
	all := start(t, urls)
	a := all[0].AddAccount(t)

	old := all[0].Token(t, a)
	accepted(t, all, old)
	_, err := nodes.StableToken(t.Context(), all[1].HTTP, all[1].Base, a, true)
	nodes.Must(t, err)
	revoked(t, all, old, "a forced refresh")

	old = all[2].Token(t, a)
	accepted(t, all, old)
	command := all[2].Command("account", "rotate-secret", "--data", all[2].Data, "--json", a.AppID)
	out, code, err := testserver.Run(command...)
	if err != nil || code != 0 {
		t.Fatalf("rotate-secret ends with %d, %v: %s", code, err, out)
	}
	revoked(t, all, old, "a new secret")
	for _, n := range all {
		if _, err := nodes.StableToken(t.Context(), n.HTTP, n.Base, a, false); err == nil || !strings.Contains(err.Error(), "40125") {
			t.Errorf("%s answers the old secret with %v", n.Address, err)
		}
	}
}

func accepted(t *testing.T, all []*nodes.Node, token string) {
	t.Helper()
	for _, n := range all {
		if a, err := n.Post(n.HTTP, "getblacklist", token, "{}"); err != nil || a.Errcode != 0 {
			t.Fatalf("%s answers a good token with %+v, %v", n.Address, a, err)
		}
	}
}

// patience is how long a node may take to refuse a token, where a second is promised,
// on a machine that is busy. What it took is reported.
const patience = 30 * time.Second

// revoked asks all nodes until they refuse a token.
func revoked(t *testing.T, all []*nodes.Node, token, why string) {
	t.Helper()
	changed := time.Now()
	for _, n := range all {
		for {
			since := time.Since(changed)
			a, err := n.Post(n.HTTP, "getblacklist", token, "{}")
			nodes.Must(t, err)
			if a.Errcode == 40001 {
				nodes.Report(t, "%s refuses it %v after %s", n.Address, since.Round(time.Millisecond), why)
				break
			}
			if a.Errcode != 0 || since > patience {
				t.Fatalf("%s answers with %d %s %v after %s", n.Address, a.Errcode, a.Errmsg, since, why)
			}
		}
	}
}
