//go:build mariadb

package sqlstore

import (
	"os"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Main(m)) }

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) mpblock.Store { return openEmpty(b) })
}

// openEmpty returns a store on a database of its own.
func openEmpty(tb testing.TB) *Store {
	tb.Helper()
	return openOn(tb, mariadbtest.URL(tb))
}

// reopen opens the store again on the database of one that has been closed.
func reopen(tb testing.TB, s *Store) *Store {
	tb.Helper()
	return openOn(tb, s.where)
}

func openOn(tb testing.TB, url string) *Store {
	tb.Helper()
	return openWith(tb, url, Options{})
}

func openWith(tb testing.TB, url string, o Options) *Store {
	tb.Helper()
	c, err := address.Parse(url)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := Open(tb.Context(), c, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
