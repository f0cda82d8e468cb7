//go:build mariadb

package schema

import (
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"mpblock/internal/sqlstore/mariadbtest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Main(m)) }

func opened(t *testing.T, url string) *sql.DB {
	t.Helper()
	user, at, _ := strings.Cut(strings.TrimPrefix(url, "mysql://"), "@")
	host, database, _ := strings.Cut(at, "/")
	db, err := sql.Open("mysql", user+"@tcp("+host+")/"+database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A node that was killed while it migrated does not stop the others for good.
func TestMigrationsOfAKilledNode(t *testing.T) {
	db := opened(t, mariadbtest.URL(t))
	dead, next := &lock{skew: time.Minute}, &lock{skew: time.Minute}
	if err := dead.Lock(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	dead.stop() // it does not hold on to it any more
	next.holder[0] = 1
	if held, err := next.hold(t.Context(), db); held || err != nil {
		t.Errorf("a lock that is held was taken, %v", err)
	}
	for _, held := range []time.Duration{-time.Millisecond, 365 * 24 * time.Hour} { // the latter by a clock that was ahead
		if _, err := db.ExecContext(t.Context(), "UPDATE schema_version SET holder = '', held = ? WHERE version = 0", time.Now().Add(held).UnixMilli()); err != nil {
			t.Fatal(err)
		}
		if held, err := next.hold(t.Context(), db); !held || err != nil {
			t.Errorf("held for another %v: not to be had, %v", held, err)
		}
	}
	if err := next.Lock(t.Context(), db); err != nil {
		t.Error(err)
	}
	if err := next.Unlock(t.Context(), db); err != nil {
		t.Error(err)
	}
}
