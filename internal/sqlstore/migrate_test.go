//go:build mariadb

package sqlstore

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
)

func configOf(t *testing.T, url string) address.Database {
	t.Helper()
	c, err := address.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Ten nodes that start at once on an empty database all come up, and have written
// its schema once.
func TestTenNodesStart(t *testing.T) {
	at := mariadbtest.URL(t)
	var wg sync.WaitGroup
	stores := make([]*Store, 10)
	for i := range stores {
		wg.Go(func() {
			s, err := Open(t.Context(), configOf(t, at), Options{})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(i, 1)...)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		sound(t, s)
		if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0); err != nil || p.Total != len(stores) {
			t.Errorf("%+v, %v", p, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSchema(t *testing.T) {
	at := configOf(t, mariadbtest.URL(t))
	if _, err := Open(t.Context(), at, Options{NoMigrate: true}); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "mpblock migrate up") {
		t.Errorf("an empty database, and no migrations: %v", err)
	}
	if s, err := ReadSchema(t.Context(), at, Options{}); err != nil || s.Version != 0 || len(s.Pending) != int(s.Newest) {
		t.Errorf("empty: %+v, %v", s, err)
	}
	done, err := Migrate(t.Context(), at, Options{})
	if err != nil || len(done) == 0 {
		t.Errorf("%v, %v", done, err)
	}
	if again, err := Migrate(t.Context(), at, Options{}); err != nil || len(again) != 0 {
		t.Errorf("again: %v, %v", again, err)
	}
	s, err := Open(t.Context(), at, Options{NoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.db.ExecContext(t.Context(), "INSERT INTO schema_version (version, applied, holder, held) VALUES (99, 0, '', 0)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), at, Options{}); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "has version 99") {
		t.Errorf("a newer schema: %v", err)
	}
}

// A database of the first version is brought forward with what is in it.
func TestSchemaOfTheFirstVersion(t *testing.T) {
	at := mariadbtest.URL(t)
	old := openOn(t, at)
	if _, err := old.AddFollowers(t.Context(), app, numbered(0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := connect(configOf(t, at), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.db.Close()
	for _, back := range []string{"DROP TABLE follow_mark, undone, given_back, change_end, entry_end, applied", "DELETE FROM schema_version WHERE version > 1"} {
		if _, err := s.db.ExecContext(t.Context(), back); err != nil {
			t.Fatal(err)
		}
	}
	if schema, err := s.schema(t.Context()); err != nil || schema.Version != 1 || len(schema.Pending) != 5 {
		t.Errorf("%+v, %v", schema, err)
	}
	now := openOn(t, at)
	if n, err := now.AddFollowers(t.Context(), app, numbered(2, 2)); err != nil || n != 1 {
		t.Errorf("%d were new, want 1, %v", n, err)
	}
	sound(t, now)
}

func TestIsolation(t *testing.T) {
	server, err := mariadbtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	at, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "SET GLOBAL tx_isolation = 'READ-COMMITTED'"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), configOf(t, at), Options{}); !errors.Is(err, errIsolation) || !strings.Contains(err.Error(), "REPEATABLE-READ") {
		t.Errorf("%v", err)
	}
}
