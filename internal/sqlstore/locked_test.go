//go:build mariadb

package sqlstore

import (
	"errors"
	"sync"
	"testing"
	"time"

	"mpblock"
)

// hold locks an account, as a node does that stopped in the middle of a write, and
// returns what lets it go.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(0, 1)...)); err != nil {
		t.Fatal(err)
	}
	holder, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.ExecContext(t.Context(), toWrite); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readHead(t.Context(), holder, app, " FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := holder.ExecContext(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		if err := holder.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An account that is locked fails its callers in time, those too that wait for the
// ones before them, and does nothing to others: the database is not away.
func TestLockedAccount(t *testing.T) {
	s := openWith(t, openEmpty(t).where, Options{Timeout: 5 * time.Second})
	release := hold(t, s)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(i+1, 1)...)); !errors.Is(err, errTime) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	const other = mpblock.AppID("wx0123456789abcdf0")
	if c, err := s.Apply(t.Context(), other, batchOf(mpblock.Block, numbered(0, 1)...)); err != nil || c.Seq != 1 {
		t.Errorf("another account: %+v, %v", c, err)
	}
	if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 10); err != nil || p.Total != 1 {
		t.Errorf("a page of the locked one: %+v, %v", p, err)
	}
	if err := s.Health(); err != nil {
		t.Errorf("the database is held to be away: %v", err)
	}
	release()
	if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(9, 1)...)); err != nil || c.Seq < 2 {
		t.Errorf("released: %+v, %v", c, err)
	}
	sound(t, s)
}
