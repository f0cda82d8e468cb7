//go:build cluster

package onvitess

import (
	"slices"
	"sync"
	"testing"
	"time"

	"mpblock/test/cluster/nodes"
)

// Accounts lie on both shards. When the database of one is killed under writers,
// those of the other's accounts go on; when it is back, all that was acknowledged
// is there.
func TestShardKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	nodes.Must(t, open(t).Close()) // nothing of another test is left
	all := []*nodes.Node{nodes.Started(t, binary, vitess.URL(), nil), nodes.Started(t, binary, vitess.URL(), nil)}
	var accounts []nodes.Account
	for range 16 {
		accounts = append(accounts, all[0].AddAccount(t))
	}
	var writers []*nodes.Writer
	for i, n := range all {
		writers = append(writers, nodes.Writers(t, 16, n.Base, accounts, seed, i)...)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	ends := sync.OnceFunc(func() { close(stop) })
	defer ends()
	stats := byShard(t, accounts, writers, all[0])
	for _, w := range writers {
		wg.Go(func() {
			if err := w.Run(t.Context(), stop); err != nil {
				t.Error(err)
			}
		})
	}
	goOn := func(i int) {
		want := stats[i].Acknowledged.Load() + 200
		nodes.Soon(t, "writing goes on", func() bool { return t.Failed() || stats[i].Acknowledged.Load() >= want })
	}
	for i := range stats {
		goOn(i)
	}
	killed := vitess.Shards[0]
	killed.KillDatabase()
	before, begin := stats[1].Refused.Load(), time.Now()
	for range 5 {
		goOn(1)
	}
	away, refused := time.Since(begin), stats[1].Refused.Load()-before
	nodes.Must(t, killed.StartDatabase(t.Context()))
	begin = time.Now()
	goOn(0)
	nodes.Report(t, "shard %s was away for %.1f s, in which accounts of the other had 1000 batches acknowledged and %d answered with -1; its accounts went on %.1f s after its database was back",
		killed.Name, away.Seconds(), refused, time.Since(begin).Seconds())
	goOn(1)
	ends()
	wg.Wait()
	for i, s := range vitess.Shards {
		nodes.Report(t, "accounts of shard %s: %v", s.Name, stats[i])
	}
	nodes.Verify(t, all, accounts, writers)
}

// byShard gives the writers of each shard's accounts numbers of their own, once
// every account has been written to.
func byShard(t *testing.T, accounts []nodes.Account, writers []*nodes.Writer, n *nodes.Node) (stats [2]*nodes.Stats) {
	t.Helper()
	for i := range accounts {
		n.Block(t, accounts[i], accounts[i].IDs(1_000_000, 1))
	}
	for i, s := range vitess.Shards {
		apps, err := s.Accounts(t.Context())
		nodes.Must(t, err)
		if len(apps) == 0 {
			t.Fatalf("no account lies on shard %s", s.Name)
		}
		nodes.Report(t, "%d of %d accounts lie on shard %s", len(apps), len(accounts), s.Name)
		stats[i] = &nodes.Stats{}
		for _, w := range writers {
			if slices.Contains(apps, w.AppID) {
				w.Stats = stats[i]
			}
		}
	}
	return stats
}
