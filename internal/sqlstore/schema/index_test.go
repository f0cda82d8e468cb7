//go:build mariadb

package schema

import (
	"testing"

	"mpblock/internal/sqlstore/mariadbtest"
)

// The index is added where it is missing, and not twice: a node that was killed behind the
// statement is followed by one that finds it.
func TestEndsOf(t *testing.T) {
	db := opened(t, mariadbtest.URL(t))
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE entry_end (app BINARY(18), openid BINARY(28), ends BIGINT)"); err != nil {
		t.Fatal(err)
	}
	if there(t.Context(), db) == nil {
		t.Error("an index that is not there was found")
	}
	for range 2 {
		if err := addEndsOf(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if err := there(t.Context(), db); err != nil {
			t.Error(err)
		}
	}
}
