package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"mpblock"
	"mpblock/internal/sqlstore/query"
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
		want, before := min(limit-len(ids), query.RowsAtOnce), len(ids)
		err := query.EachOpenID(ctx, c, "SELECT openid FROM "+table+" WHERE app = ? AND openid > ? ORDER BY openid LIMIT ?",
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
	var entries entries
	var last, follows map[mpblock.OpenID]uint64
	err := s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		return snapshot(ctx, c, func() (err error) {
			if entries, err = entriesOf(ctx, c, app, all, ""); err != nil {
				return err
			}
			others := slices.DeleteFunc(slices.Clone(all), func(id mpblock.OpenID) bool { return entries.seq[id] != 0 })
			if last, err = query.LookUp(ctx, c, lastChangesOf, app, others, ""); err != nil {
				return err
			}
			follows, err = query.LookUp(ctx, c, followersOf, app, all, "")
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	states := make([]mpblock.State, len(ids))
	for i, id := range ids {
		states[i].Follower = follows[id] != 0
		states[i].Seq, states[i].Blocked = entries.seq[id]
		states[i].Since, states[i].Until = entries.since[id], mpblock.EndAt(entries.ends[id])
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

// entries are of those OpenIDs that are blocked the seq of the last change, that of the
// change which the entry belongs to, and of those that end when they do, in milliseconds.
type entries struct {
	seq, since map[mpblock.OpenID]uint64
	ends       map[mpblock.OpenID]int64
}

func entriesOf(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, suffix string) (entries, error) {
	out := entries{make(map[mpblock.OpenID]uint64), make(map[mpblock.OpenID]uint64), make(map[mpblock.OpenID]int64)}
	err := query.Pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := query.Rows(ctx, c, "SELECT e.openid, e.seq, COALESCE(g.since, e.seq), COALESCE(d.ends, 0) FROM entry e"+
			" LEFT JOIN given_back g ON g.app = e.app AND g.openid = e.openid AND g.seq = e.seq"+
			" LEFT JOIN entry_end d ON d.app = e.app AND d.openid = e.openid WHERE e.app = ? AND e.openid IN "+query.List(len(piece))+suffix,
			query.IDs(app, piece), func(r *sql.Rows) error {
				var raw sql.RawBytes
				var seq, since uint64
				var ends int64
				if err := r.Scan(&raw, &seq, &since, &ends); err != nil {
					return err
				}
				id, err := query.OpenID(raw)
				if out.seq[id], out.since[id] = seq, since; ends != 0 {
					out.ends[id] = ends
				}
				return err
			})
		return err
	})
	return out, err
}
