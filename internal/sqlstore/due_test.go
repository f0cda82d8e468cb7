//go:build mariadb

package sqlstore

import (
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// An end that an older node has left behind is in nobody's way.
func TestAnEndIsLeftBehind(t *testing.T) {
	s := openEmpty(t)
	id := mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, "1")
	if _, err := s.db.ExecContext(t.Context(), "INSERT INTO entry_end (app, openid, ends) VALUES (?, ?, ?)", query.App(app), query.ID(id), 5); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	if _, err := s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "test", Time: time.Now(), Until: until}); err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(t.Context(), "", mpblock.DueEnd{}, until, 9)
	if err != nil || len(due) != 1 || !due[0].Until.Equal(until) {
		t.Errorf("%v, %v", due, err)
	}
}

// A page of an account's ends reads no rows but its own, however many others there are, of
// this account or of another.
func TestRowsReadForEnds(t *testing.T) {
	s := openEmpty(t)
	const all, other = 20_000, mpblock.AppID("wx9999999999999999")
	fill := func(app mpblock.AppID, each int) {
		t.Helper()
		_, err := s.db.ExecContext(t.Context(), "INSERT INTO entry_end (app, openid, ends) SELECT ?, LPAD(seq, 28, '0'), 1000 + seq FROM seq_1_to_20000 WHERE seq % ? = 0", query.App(app), each)
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(other, 1)
	fill(app, 100)
	for _, a := range []mpblock.AppID{app, other} {
		for after, pages := (mpblock.DueEnd{}), 0; pages < 3; pages++ {
			before := rowsRead(t, s)
			due, err := s.Due(t.Context(), a, after, time.UnixMilli(all), 50)
			if err != nil || len(due) != 50 || due[49].AppID != a {
				t.Fatalf("%d ends, %v", len(due), err)
			}
			if n := rowsRead(t, s) - before; n > 200 {
				t.Errorf("page %d of account %s read %d rows", pages, a, n)
			}
			after = due[49]
		}
	}
}

func rowsRead(t *testing.T, s *Store) (n int) {
	t.Helper()
	err := s.db.QueryRowContext(t.Context(), "SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('HANDLER_READ_NEXT', 'HANDLER_READ_KEY', 'HANDLER_READ_RND_NEXT')").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
