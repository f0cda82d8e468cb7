//go:build cluster

package cluster

import (
	"flag"
	"sync"
	"testing"
	"time"

	"mpblock/test/cluster/nodes"
)

var writing = flag.Duration("writing", time.Minute, "how long to write at least while nodes and databases are killed")

// Every node and every database is killed once under 64 writers and brought back:
// what was acknowledged is there, nothing is half, and all adds up, wherever one
// looks.
func TestEachKilledOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	all := start(t, database(t, galera, "killed", true))
	var accounts []nodes.Account
	for range 16 {
		accounts = append(accounts, all[0].AddAccount(t))
	}
	writers := nodes.Writers(t, 64, balance(t, all).Base, accounts, seed, 0)
	stats := writers[0].Stats

	begin, stop := time.Now(), make(chan struct{})
	var wg sync.WaitGroup
	for _, w := range writers {
		wg.Go(func() {
			if err := w.Run(t.Context(), stop); err != nil {
				t.Error(err)
			}
		})
	}
	goOn := func() { // until writing has gone on for a while
		want := stats.Acknowledged.Load() + 200
		nodes.Soon(t, "writing goes on", func() bool { return t.Failed() || stats.Acknowledged.Load() >= want })
	}
	for i, n := range all {
		goOn()
		galera.Nodes[i].Kill()
		goOn()
		nodes.Must(t, galera.Nodes[i].Start())
		nodes.Must(t, galera.Nodes[i].Synced(t.Context()))
		goOn()
		nodes.Must(t, n.Kill())
		goOn()
		nodes.Must(t, n.Start())
	}
	nodes.Soon(t, "the time is over", func() bool { return t.Failed() || time.Since(begin) >= *writing })
	close(stop)
	wg.Wait()
	nodes.Report(t, "in %.0f s %v", time.Since(begin).Seconds(), stats)
	nodes.Verify(t, all, accounts, writers)
}
