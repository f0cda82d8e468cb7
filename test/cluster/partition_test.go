//go:build cluster

package cluster

import (
	"maps"
	"net/http"
	"os"
	"testing"
	"time"

	"mpblock/internal/testserver"
	"mpblock/test/cluster/engine"
	"mpblock/test/cluster/nodes"
)

// One machine of three is cut off, database and node: it answers -1, the others
// go on, and when it is back all agree.
func TestPartition(t *testing.T) {
	network, err := engine.NewNetwork(3)
	nodes.Must(t, err)
	t.Cleanup(func() {
		if err := network.Remove(); err != nil {
			t.Error(err)
		}
	})
	dir, err := os.MkdirTemp("", "mpblock-partition-") //nolint:usetesting // the databases run as a user of their own, whom t.TempDir keeps out
	nodes.Must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	nodes.Must(t, os.Chmod(dir, 0o755))
	g, err := engine.StartGalera(t.Context(), module, dir, network.Machines...)
	nodes.Must(t, err)
	t.Cleanup(g.Stop)
	urls := database(t, g, "partition", false)
	var all []*nodes.Node
	for i, url := range urls {
		all = append(all, nodes.Started(t, binary, url, network.Machines[i]))
	}
	c := newCaller(t, all)
	for i := range all {
		if code := c.block(i); code != 0 {
			t.Fatalf("node %d answers %d with all together", i+1, code)
		}
	}

	nodes.Must(t, network.Machines[2].Cut())
	cut := time.Now()
	nodes.Soon(t, "the majority goes on", func() bool { return c.block(0) == 0 })
	nodes.Report(t, "the majority goes on %.1f s after the cut", time.Since(cut).Seconds())
	for range 20 {
		for i := range 2 {
			if code := c.block(i); code != 0 {
				t.Errorf("node %d of the majority answers %d", i+1, code)
			}
		}
	}
	for range 3 { // it takes its time, to give a database that is only slow a chance
		if code := c.block(2); code != -1 {
			t.Errorf("the node that is cut off answers %d, want -1", code)
		}
	}
	for i, status := range []int{http.StatusOK, http.StatusOK, http.StatusServiceUnavailable} {
		if got := all[i].Ready(t.Context()); got != status {
			t.Errorf("/readyz of node %d says %d in a partition, want %d", i+1, got, status)
		}
	}

	nodes.Must(t, network.Machines[2].Heal())
	healed := time.Now()
	nodes.Soon(t, "the minority is back", func() bool { return c.block(2) == 0 && all[2].Ready(t.Context()) == http.StatusOK })
	nodes.Report(t, "the minority takes writes again %.1f s after the cable is back", time.Since(healed).Seconds())
	c.verify()
}

// caller blocks new OpenIDs at any node, and knows what was acknowledged.
type caller struct {
	*testing.T
	all     []*nodes.Node
	account nodes.Account
	tokens  []string
	sent    int
	blocked []string
	doubts  [][]string // batches that were answered with -1
}

func newCaller(t *testing.T, all []*nodes.Node) *caller {
	t.Helper()
	c := &caller{T: t, all: all, account: all[0].AddAccount(t)}
	for _, n := range all {
		c.tokens = append(c.tokens, n.Token(t, c.account))
	}
	return c
}

// block blocks 20 at the node with that index and returns the errcode.
func (c *caller) block(i int) int {
	c.Helper()
	ids := c.account.IDs(c.sent*20, 20)
	c.sent++
	a, err := c.all[i].Post(c.all[i].HTTP, "batchblacklist", c.tokens[i], testserver.Batch(ids))
	nodes.Must(c.T, err)
	if a.Errcode == 0 {
		c.blocked = append(c.blocked, ids...)
	} else {
		c.doubts = append(c.doubts, ids)
	}
	return a.Errcode
}

// verify holds each node to what was acknowledged, and all to each other.
func (c *caller) verify() {
	c.Helper()
	var first map[string]bool
	for i, n := range c.all {
		listed, err := n.Walk(n.HTTP, c.tokens[i])
		nodes.Must(c.T, err)
		if first == nil {
			first = listed
		}
		if !maps.Equal(first, listed) {
			c.Errorf("node %d lists %d, node 1 %d", i+1, len(listed), len(first))
		}
		n.Check(c.T)
	}
	for _, id := range c.blocked {
		if !first[id] {
			c.Fatalf("%s was acknowledged and is lost", id)
		}
	}
	for _, ids := range c.doubts {
		for _, id := range ids {
			if first[id] != first[ids[0]] {
				c.Fatalf("half of a batch happened, with and without %s", id)
			}
		}
	}
	nodes.Report(c.T, "%d acknowledged OpenIDs are on all nodes; %d batches were answered with -1", len(c.blocked), len(c.doubts))
}
