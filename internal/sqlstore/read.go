package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
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
	var blocked, last map[mpblock.OpenID]uint64
	var follows map[mpblock.OpenID]struct{}
	err := s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
		return snapshot(ctx, c, func() (err error) {
			if blocked, err = entries(ctx, c, app, all, ""); err != nil {
				return err
			}
			others := slices.DeleteFunc(slices.Clone(all), func(id mpblock.OpenID) bool { return blocked[id] != 0 })
			last = make(map[mpblock.OpenID]uint64)
			if err := lastChanges(ctx, c, app, others, "", last); err != nil {
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
		states[i].Seq, states[i].Blocked = blocked[id]
		if !states[i].Blocked {
			states[i].Seq = last[id]
		}
	}
	return states, nil
}
