//go:build mariadb

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/sqlstore/query"
)

const other mpblock.AppID = "wx0123456789abcdf0"

// left returns how many rows a database has of an account in all, whatever its tables.
func left(t *testing.T, s *Store, app mpblock.AppID) (n int) {
	t.Helper()
	err := s.retry(t.Context(), func(ctx context.Context, c *sql.Conn) error {
		var tables []string
		_, err := query.Rows(ctx, c, "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'app'", nil,
			func(r *sql.Rows) error {
				tables = append(tables, "")
				return r.Scan(&tables[len(tables)-1])
			})
		n = 0
		for _, table := range tables {
			if err == nil {
				_, err = query.Rows(ctx, c, "SELECT COUNT(*) FROM "+table+" WHERE app = ?", []any{query.App(app)}, func(r *sql.Rows) error {
					var here int
					err := r.Scan(&here)
					n += here
					return err
				})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fill gives two accounts rows in all tables.
func fill(t *testing.T, s *Store) {
	t.Helper()
	for _, app := range []mpblock.AppID{app, other} {
		ids := numbered(0, mpblock.MaxWrite)
		if _, err := s.AddFollowers(t.Context(), app, ids); err != nil {
			t.Fatal(err)
		}
		undo := batchOf(mpblock.Block, ids[:10]...)
		undo.Undoes = 2
		for _, b := range []mpblock.Batch{batchOf(mpblock.Block, ids...), batchOf(mpblock.Unblock, ids[:20]...), undo} {
			if _, err := s.Apply(t.Context(), app, b); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A node that erases an account is killed, after each number of pieces: another one goes
// on, and nothing is left but what other accounts have.
func TestEraseGoesOn(t *testing.T) {
	url := mariadbtest.URL(t)
	s := openOn(t, url)
	fill(t, s)
	want := left(t, s, other)
	for done := false; !done; {
		node := openOn(t, url)
		before := left(t, s, app)
		var err error
		if done, err = node.erasePiece(t.Context(), app); err != nil {
			t.Fatal(err)
		}
		if after := left(t, s, app); after >= before || before-after > eraseAtOnce {
			t.Errorf("a piece removed %d rows of %d", before-after, before)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := left(t, s, app); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := left(t, s, other); n != want {
		t.Errorf("%d rows of another account are left, want %d", n, want)
	}
}

// Two nodes erase an account at once, and the server is killed: both come to an end.
func TestEraseByTwo(t *testing.T) {
	server, err := mariadbtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	at, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := openOn(t, at)
	fill(t, s)
	begun, ended := left(t, s, app), make(chan error)
	for range 2 {
		node := openOn(t, at)
		go func() {
			err := errAgain
			for err != nil && t.Context().Err() == nil { // the server is away for a while
				if err = node.Erase(t.Context(), app); errors.Is(err, errClosed) {
					break
				}
			}
			ended <- err
		}()
	}
	await(t, func() bool { return left(t, s, app) < begun })
	if err := errors.Join(server.Kill(), server.Start()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	await(t, func() bool { return s.away() == nil })
	if n := left(t, s, app); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	r, err := s.Blacklist(t.Context(), other, mpblock.OpenID{}, 0)
	if err != nil || r.Total != mpblock.MaxWrite-10 || r.Seq != 3 {
		t.Errorf("the other account: %+v, %v", r, err)
	}
}
