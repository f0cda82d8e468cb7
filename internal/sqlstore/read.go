package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"mpblock"
)

// Page implements mpblock.Store.
func (s *Store) Page(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return s.page(ctx, app, "entry", after, limit, func(h head) int { return h.total })
}

// Followers implements mpblock.Store.
func (s *Store) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return s.page(ctx, app, "follower", after, limit, func(h head) int { return h.followers })
}

// page reads a piece of a list and the account's row of the same instant. The row
// alone is one small statement.
func (s *Store) page(ctx context.Context, app mpblock.AppID, table string, after mpblock.OpenID, limit int, total func(head) int) (p mpblock.Page, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return p, err
	}
	defer s.leave()
	err = s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		var h head
		var ids []mpblock.OpenID
		if limit <= 0 {
			if h, _, err = readHead(ctx, c, app, ""); err != nil {
				return err
			}
		} else if err := snapshot(ctx, c, func() error {
			if h, _, err = readHead(ctx, c, app, ""); err != nil {
				return err
			}
			ids, err = readList(ctx, c, app, table, after, min(limit, total(h)))
			return err
		}); err != nil {
			return err
		}
		p = mpblock.NewPage(ids, total(h), h.seq)
		return nil
	})
	return p, err
}

// snapshot reads in a transaction that sees one instant. Of how it ends nothing
// depends but whether the connection is still good.
func snapshot(ctx context.Context, c *sql.Conn, do func() error) error {
	err := within(ctx, c, toRead, do)
	if isUnsettled(err) {
		discard(c)
		return nil
	}
	return err
}

// readList reads up to limit OpenIDs of a list, in as many answers as it takes.
func readList(ctx context.Context, c *sql.Conn, app mpblock.AppID, table string, after mpblock.OpenID, limit int) ([]mpblock.OpenID, error) {
	ids := make([]mpblock.OpenID, 0, limit)
	for len(ids) < limit {
		want, before := min(limit-len(ids), rowsAtOnce), len(ids)
		err := eachOpenID(ctx, c, "SELECT openid FROM "+table+" WHERE app = ? AND openid > ? ORDER BY openid LIMIT ?",
			[]driver.Value{[]byte(app), after[:], int64(want)}, func(id mpblock.OpenID) { ids = append(ids, id) })
		if err != nil {
			return nil, err
		}
		if len(ids) < before+want {
			break
		}
		after = ids[len(ids)-1]
	}
	return ids, nil
}

// Lookup implements mpblock.Store.
func (s *Store) Lookup(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	all := distinct(ids)
	var blocked map[mpblock.OpenID]uint64
	var follows map[mpblock.OpenID]struct{}
	err := s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		return snapshot(ctx, c, func() (err error) {
			if blocked, err = entries(ctx, c, app, all, ""); err != nil {
				return err
			}
			follows = make(map[mpblock.OpenID]struct{})
			return followers(ctx, c, app, all, "", func(id mpblock.OpenID) { follows[id] = struct{}{} })
		})
	})
	if err != nil {
		return nil, err
	}
	states := make([]mpblock.State, len(ids))
	for i, id := range ids {
		_, states[i].Follower = follows[id]
		states[i].Seq = blocked[id]
	}
	return states, nil
}

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT seq, at, action, actor, reason, openids FROM change_log WHERE app = ? AND seq > ? ORDER BY seq LIMIT ?",
			appArg(app), after, limit)
	})
}

// ChangesOf implements mpblock.Store.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, h.openid FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+
			" WHERE h.app = ? AND h.openid = ? AND h.seq > ? ORDER BY h.seq LIMIT ?", appArg(app), idArg(id), after, limit)
	})
}

// changes reads a log in pieces. What has been read of it does not change, so the
// pieces need not be of one instant.
func (s *Store) changes(ctx context.Context, app mpblock.AppID, after uint64, limit int,
	read func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error),
) ([]mpblock.Change, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	var out []mpblock.Change
	for len(out) < limit {
		want := min(limit-len(out), largeAtOnce)
		var piece []mpblock.Change
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
			piece, err = read(ctx, c, after, want)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
		if len(piece) < want {
			break
		}
		after = piece[len(piece)-1].Seq
	}
	return out, nil
}

func readChanges(ctx context.Context, c *sql.Conn, query string, args ...any) (out []mpblock.Change, err error) {
	_, err = rows(ctx, c, query, args, func(r *sql.Rows) error {
		var ch mpblock.Change
		var at int64
		var ids sql.RawBytes
		if err := r.Scan(&ch.Seq, &at, &ch.Action, &ch.Actor, &ch.Reason, &ids); err != nil {
			return err
		}
		if len(ids)%mpblock.OpenIDLen != 0 {
			return fmt.Errorf("%w: change %d with %d bytes of OpenIDs, which is no multiple of %d", errDamaged, ch.Seq, len(ids), mpblock.OpenIDLen)
		}
		ch.Time = time.UnixMilli(at).UTC()
		ch.OpenIDs = make([]mpblock.OpenID, len(ids)/mpblock.OpenIDLen)
		for i := range ch.OpenIDs {
			copy(ch.OpenIDs[i][:], ids[i*mpblock.OpenIDLen:])
		}
		out = append(out, ch)
		return nil
	})
	return out, err
}
