//go:build cluster

package cluster

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"mpblock/internal/sqlstore"
	"mpblock/internal/testserver"
	"mpblock/test/cluster/nodes"
)

// answers makes many calls at once and holds each to -1 within the stated time.
func answers(t *testing.T, n *nodes.Node, token string, ids []string, why string) {
	t.Helper()
	var mu sync.Mutex
	longest := time.Duration(0)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			call, body := "getblacklist", "{}"
			if i%2 == 0 {
				call, body = "batchblacklist", testserver.Batch(ids)
			}
			begin := time.Now()
			a, err := n.Post(n.HTTP, call, token, body)
			took := time.Since(begin)
			if err != nil || a.Errcode != -1 {
				t.Errorf("%s is answered with %+v, %v while the database is %s", call, a, err, why)
			}
			if took > 3*sqlstore.DefaultTimeout { // twice more than promised, for a machine that is busy
				t.Errorf("%s was answered after %v while the database is %s", call, took, why)
			}
			mu.Lock()
			longest = max(longest, took)
			mu.Unlock()
		})
	}
	wg.Wait()
	nodes.Report(t, "200 calls at once are answered with -1 after at most %.1f s while the database is %s", longest.Seconds(), why)
	if status := n.Ready(t.Context()); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d while the database is %s", status, why)
	}
}

// A node whose one database is gone, or does not answer, says so in time, and
// goes on by itself when it is back.
func TestStoreAway(t *testing.T) {
	urls := database(t, galera, "away", false)
	n, g := nodes.Started(t, binary, urls[2], nil), galera.Nodes[2]
	a := n.AddAccount(t)
	token, ids := n.Token(t, a), a.IDs(0, 20)
	works := func() bool {
		answer, err := n.Post(n.HTTP, "batchblacklist", token, testserver.Batch(ids))
		nodes.Must(t, err)
		return answer.Errcode == 0 && n.Ready(t.Context()) == http.StatusOK
	}
	if !works() {
		t.Fatal("it does not work from the start")
	}

	g.Kill()
	answers(t, n, token, ids, "killed")
	answers(t, n, token, ids, "known to be away")
	nodes.Must(t, g.Start())
	nodes.Must(t, g.Synced(t.Context()))
	nodes.Soon(t, "it works again", works)

	nodes.Must(t, g.Freeze())
	answers(t, n, token, ids, "frozen")
	nodes.Must(t, g.Thaw())
	nodes.Must(t, g.Synced(t.Context()))
	nodes.Soon(t, "it works again", works)
	n.Check(t)
}
