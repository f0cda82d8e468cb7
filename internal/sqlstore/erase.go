package sqlstore

import (
	"context"
	"database/sql"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// erased are the tables of an account's rows but the account's own, with the rest of
// their primary keys, and how many rows go at a time: those of the log are large.
var erased = []struct {
	table, key string
	atOnce     int
}{
	{"applied", "id", eraseAtOnce},
	{"entry", "openid", eraseAtOnce},
	{"entry_end", "openid", eraseAtOnce},
	{"follower", "openid", eraseAtOnce},
	{"follow_mark", "mark", eraseAtOnce},
	{"given_back", "openid, seq", eraseAtOnce},
	{"history", "openid, seq", eraseAtOnce},
	{"undone", "seq", eraseAtOnce},
	{"change_end", "seq", eraseAtOnce},
	{"change_log", "seq", query.LargeAtOnce},
}

// eraseAtOnce is how many small rows one transaction removes.
const eraseAtOnce = 2_000

// Erase implements mpblock.Store. It removes the account's rows piece by piece, each in
// a transaction of the account's shard, and the account's own row last: whoever comes
// after a crash goes on with what is left.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	for {
		done, err := s.erasePiece(ctx, app)
		if err != nil || done {
			return err
		}
	}
}

// erasePiece removes rows of one table, or the account's own where there are no others.
// A try whose answer was lost may have removed some: the next one finds others.
func (s *Store) erasePiece(ctx context.Context, app mpblock.AppID) (done bool, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return false, err
	}
	defer s.leave()
	err = s.callFor(ctx, eraseAtOnce, func(ctx context.Context, c *sql.Conn) error {
		done = false
		return s.locked(ctx, c, app, func(h head) error {
			if h.total > 0 || h.followers > 0 {
				if _, err := query.Change(ctx, c, "UPDATE account SET total = 0, followers = 0 WHERE app = ?", query.App(app)); err != nil {
					return err
				}
			}
			for _, e := range erased {
				n, err := query.Change(ctx, c, "DELETE FROM "+e.table+" WHERE app = ? ORDER BY "+e.key+" LIMIT ?", query.App(app), e.atOnce)
				if err != nil || n > 0 {
					return err
				}
			}
			done = true
			_, err := query.Change(ctx, c, "DELETE FROM account WHERE app = ?", query.App(app))
			return err
		})
	})
	return done && err == nil, err
}
