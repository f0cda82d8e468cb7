//go:build cluster

// Package ontidb holds the SQL store to its contract on tidb-server, which make
// test-tidb builds. Its storage here is a stand-in: SQL, locks and plans are
// TiDB's, durability is not shown.
package ontidb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/test/cluster/engine"
)

var (
	tidb      *engine.TiDB
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-tidb-")
		if err == nil {
			defer os.RemoveAll(dir)
			tidb, err = engine.StartTiDB(context.Background(), filepath.Join("..", "..", "..", ".bin", "tidb-server"), dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer tidb.Stop()
		return m.Run()
	}())
}

func open(tb testing.TB) mpblock.Store {
	tb.Helper()
	url, err := tidb.Database(tb.Context(), fmt.Sprint("store", databases.Add(1)))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := address.Parse(url)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := sqlstore.Open(tb.Context(), c, sqlstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
