//go:build cluster

package cluster

import (
	"testing"
	"time"

	"mpblock/test/cluster/nodes"
)

// All nodes and all databases die at once and are started again: what was
// acknowledged is there.
func TestAllKilledAtOnce(t *testing.T) {
	all := start(t, database(t, galera, "all", true))
	c := newCaller(t, all)
	for i := range 60 {
		if code := c.block(i % 3); code != 0 {
			t.Fatalf("node %d answers %d", i%3+1, code)
		}
	}
	for i, n := range all {
		galera.Nodes[i].Kill()
		nodes.Must(t, n.Kill())
	}
	begin := time.Now()
	for _, g := range galera.Nodes {
		nodes.Must(t, g.Start())
	}
	for i, g := range galera.Nodes {
		nodes.Must(t, g.Synced(t.Context()))
		nodes.Must(t, all[i].Start())
	}
	nodes.Report(t, "all are back %.1f s after they were started", time.Since(begin).Seconds())
	for i := range all {
		if code := c.block(i); code != 0 {
			t.Errorf("node %d answers %d when all are back", i+1, code)
		}
	}
	c.verify()
}
