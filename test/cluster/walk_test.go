//go:build cluster

package cluster

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
	"mpblock/test/cluster/nodes"
)

// While the list changes on all nodes, a walk of 1,000,000 that goes to another
// node with each page returns every entry that stays exactly once.
func TestWalkThroughBalancer(t *testing.T) {
	const stay = 1_000_000
	urls := database(t, galera, "walk", true)
	all := start(t, urls)
	a := all[0].AddAccount(t, "--prefix", storetest.Numbered(0).Prefix().String())
	store := openStore(t, urls[0])
	begin := time.Now()
	nodes.Must(t, storetest.Fill(t.Context(), store, mpblock.AppID(a.AppID), stay))
	nodes.Report(t, "%d entries made in %.0f s", stay, time.Since(begin).Seconds())
	nodes.Must(t, store.Close())
	base := balance(t, all).Base

	stop := make(chan struct{})
	var changes atomic.Int64
	var wg sync.WaitGroup
	for w, n := range all {
		tok := n.Token(t, a)
		wg.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				ids := make([]string, 20)
				for i := range ids {
					ids[i] = storetest.Numbered(uint64(stay + w*2000 + round/2%100*20 + i)).String()
				}
				answer, err := n.Post(n.HTTP, []string{"batchblacklist", "batchunblacklist"}[round%2], tok, testserver.Batch(ids))
				if err != nil || answer.Errcode != 0 {
					t.Errorf("a change is answered with %+v, %v", answer, err)
					return
				}
				changes.Add(20)
			}
		})
	}
	begin = time.Now()
	c, err := client.New(a.AppID, a.Secret, client.WithBaseURL(base))
	nodes.Must(t, err)
	got := make(map[client.OpenID]bool, stay)
	for id, err := range c.All(t.Context()) {
		nodes.Must(t, err)
		if got[id] {
			t.Fatalf("%s came twice", id)
		}
		got[id] = true
	}
	took := time.Since(begin)
	close(stop)
	wg.Wait()
	for i := range uint64(stay) {
		if !got[client.OpenID(storetest.Numbered(i).String())] {
			t.Fatalf("entry %d stayed and was missed", i)
		}
	}
	nodes.Report(t, "%d entries walked in %.1f s during %.0f changes a second", len(got), took.Seconds(), float64(changes.Load())/took.Seconds())
}
