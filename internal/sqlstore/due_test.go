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
	due, err := s.Due(t.Context(), mpblock.DueEnd{}, until, 9)
	if err != nil || len(due) != 1 || !due[0].Until.Equal(until) {
		t.Errorf("%v, %v", due, err)
	}
}
