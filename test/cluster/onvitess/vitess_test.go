//go:build cluster

// Package onvitess holds mpblock to its promises on Vitess with two shards, which
// make test-cluster builds.
package onvitess

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/testserver"
	"mpblock/test/cluster/engine"
	"mpblock/test/cluster/nodes"
)

var (
	binary string
	vitess *engine.Vitess // of all tests, which use its one keyspace one after the other
	module = filepath.Join("..", "..", "..")
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-vitess-")
		if err == nil {
			defer os.RemoveAll(dir)
			err = os.Chmod(dir, 0o755) // all programs run as a user of their own
		}
		if err == nil {
			binary, err = testserver.Build(module, dir)
		}
		var vschema []byte
		if err == nil {
			vschema, err = os.ReadFile(filepath.Join(module, "internal", "sqlstore", "vschema.json"))
		}
		if err == nil {
			begin := time.Now()
			vitess, err = engine.StartVitess(context.Background(), filepath.Join(module, ".bin", "vitess"), filepath.Join(dir, "vitess"), string(vschema))
			fmt.Printf("== Vitess with two shards ready after %.1f s\n", time.Since(begin).Seconds())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer vitess.Stop()
		return m.Run()
	}())
}

func open(tb testing.TB) mpblock.Store {
	tb.Helper()
	nodes.Must(tb, vitess.Empty(tb.Context(), "schema_version"))
	c, err := address.Parse(vitess.URL())
	nodes.Must(tb, err)
	s, err := sqlstore.Open(tb.Context(), c, sqlstore.Options{})
	nodes.Must(tb, err)
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
