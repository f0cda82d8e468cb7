package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"

	"mpblock"
)

// Blacklist implements mpblock.Store.
func (s *Store) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
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
		p = mpblock.Page{OpenIDs: ids, Total: total(h), Seq: h.seq}
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

// States implements mpblock.Store. The history is read only of those that have no
// entry, which bears the seq itself.
func (s *Store) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	all := mpblock.Distinct(ids)
	var blocked, since, last, follows map[mpblock.OpenID]uint64
	err := s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		return snapshot(ctx, c, func() (err error) {
			if blocked, since, err = entriesOf(ctx, c, app, all, ""); err != nil {
				return err
			}
			others := slices.DeleteFunc(slices.Clone(all), func(id mpblock.OpenID) bool { return blocked[id] != 0 })
			if last, err = lookUp(ctx, c, lastChangesOf, app, others, ""); err != nil {
				return err
			}
			follows, err = lookUp(ctx, c, followersOf, app, all, "")
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	states := make([]mpblock.State, len(ids))
	for i, id := range ids {
		states[i].Follower = follows[id] != 0
		states[i].Seq, states[i].Blocked = blocked[id]
		states[i].Since = since[id]
		if !states[i].Blocked {
			states[i].Seq = last[id]
		}
	}
	return states, nil
}

// What is looked up of OpenIDs. The first column is the OpenID, the second a number
// above 0, the mark stands for the list.
const (
	followersOf   = "SELECT openid, 1 FROM follower WHERE app = ? AND openid IN %s"
	lastChangesOf = "SELECT openid, MAX(seq) FROM history WHERE app = ? AND openid IN %s GROUP BY openid"
)

// entriesOf returns of those OpenIDs that are blocked the seq of the last change, and
// that of the change which the entry belongs to.
func entriesOf(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, suffix string) (seqs, since map[mpblock.OpenID]uint64, err error) {
	seqs, since = make(map[mpblock.OpenID]uint64), make(map[mpblock.OpenID]uint64)
	err = pieces(ids, func(piece []mpblock.OpenID) error {
		query := "SELECT e.openid, e.seq, COALESCE(g.since, e.seq) FROM entry e" +
			" LEFT JOIN given_back g ON g.app = e.app AND g.openid = e.openid AND g.seq = e.seq WHERE e.app = ? AND e.openid IN " + list(len(piece)) + suffix
		_, err := rows(ctx, c, query, idArgs(app, piece), func(r *sql.Rows) error {
			var raw sql.RawBytes
			var seq, belongs uint64
			if err := r.Scan(&raw, &seq, &belongs); err != nil {
				return err
			}
			id, err := openID(raw)
			seqs[id], since[id] = seq, belongs
			return err
		})
		return err
	})
	return seqs, since, err
}

// lookUp returns the numbers of those OpenIDs that a query finds.
func lookUp(ctx context.Context, c *sql.Conn, query string, app mpblock.AppID, ids []mpblock.OpenID, suffix string) (map[mpblock.OpenID]uint64, error) {
	found := make(map[mpblock.OpenID]uint64)
	err := pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := rows(ctx, c, fmt.Sprintf(query, list(len(piece)))+suffix, idArgs(app, piece), func(r *sql.Rows) error {
			var raw sql.RawBytes
			var n uint64
			if err := r.Scan(&raw, &n); err != nil {
				return err
			}
			id, err := openID(raw)
			found[id] = n
			return err
		})
		return err
	})
	return found, err
}
