//go:build cluster

// Package cluster holds mpblock to its promises on more than one machine: real
// nodes over a real Galera cluster of three, behind the load balancer of deploy/,
// while databases and nodes are killed, frozen and cut off.
package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/testserver"
	"mpblock/test/cluster/engine"
	"mpblock/test/cluster/nodes"
)

var (
	binary string
	galera *engine.Galera // of all tests; each has a database of its own in it
	module = filepath.Join("..", "..")

	databases atomic.Int64 // that open has made
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-cluster-")
		if err == nil {
			defer os.RemoveAll(dir)
			err = os.Chmod(dir, 0o755) // the databases run as a user of their own
		}
		if err == nil {
			binary, err = testserver.Build(module, dir)
		}
		if err == nil {
			begin := time.Now()
			galera, err = engine.StartGalera(context.Background(), module, dir)
			fmt.Printf("== three Galera nodes in sync after %.1f s\n", time.Since(begin).Seconds())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer galera.Stop()
		return m.Run()
	}())
}

// database makes one and returns its URLs, one for each node of Galera. With
// other, each goes on with the other nodes, should the first be away.
func database(tb testing.TB, g *engine.Galera, name string, other bool) []string {
	tb.Helper()
	urls, err := g.Database(tb.Context(), name, other)
	nodes.Must(tb, err)
	return urls
}

func openStore(tb testing.TB, url string) *sqlstore.Store {
	tb.Helper()
	c, err := address.Parse(url)
	nodes.Must(tb, err)
	s, err := sqlstore.Open(tb.Context(), c, sqlstore.Options{})
	nodes.Must(tb, err)
	return s
}

// open opens a store on a database of its own.
func open(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s := openStore(tb, database(tb, galera, fmt.Sprint("store", databases.Add(1)), true)[0])
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// start starts a node for each URL.
func start(t *testing.T, urls []string) (all []*nodes.Node) {
	t.Helper()
	for _, url := range urls {
		all = append(all, nodes.Started(t, binary, url, nil))
	}
	return all
}

// balance starts the load balancer in front of nodes.
func balance(t *testing.T, all []*nodes.Node) *engine.Balancer {
	t.Helper()
	var addresses []string
	for _, n := range all {
		addresses = append(addresses, n.Address)
	}
	b, err := engine.StartBalancer(t.Context(), module, t.TempDir(), addresses...)
	nodes.Must(t, err)
	t.Cleanup(b.Stop)
	return b
}
