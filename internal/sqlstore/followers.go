package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// AddFollowers implements mpblock.Store.
func (s *Store) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return s.changeFollowers(ctx, app, ids, true)
}

// RemoveFollowers implements mpblock.Store.
func (s *Store) RemoveFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return s.changeFollowers(ctx, app, ids, false)
}

func (s *Store) changeFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, add bool) (int, error) {
	if len(ids) > mpblock.MaxWrite {
		return 0, fmt.Errorf("sqlstore: %d followers in one call, at most %d", len(ids), mpblock.MaxWrite)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return 0, err
	}
	defer s.leave()
	f := &following{store: s, app: app, ids: mpblock.Distinct(ids), add: add}
	if err := s.callFor(ctx, len(ids), f.try); err != nil {
		return 0, err
	}
	return f.changed, nil
}

// following is a change of an account's followers on its way into the database.
type following struct {
	store   *Store
	app     mpblock.AppID
	ids     []mpblock.OpenID
	add     bool
	changed int        // how many followers came or went, once a try has succeeded
	lost    []lostMark // tries of which it is not known whether they happened
}

// lostMark is the mark of a try, and how many followers came or went with it.
type lostMark struct {
	mark    mark
	changed int
}

func (f *following) try(ctx context.Context, c *sql.Conn) error {
	m := newMark()
	err := f.store.locked(ctx, c, f.app, func(h head) error {
		happened, err := f.happened(ctx, c)
		if err != nil || happened {
			return err
		}
		return f.write(ctx, c, h, m)
	})
	if isUnsettled(err) {
		f.lost = append(f.lost, lostMark{m, f.changed})
	}
	return err
}

// happened tells whether a lost try has happened after all. As with those of an
// Apply, none of them can happen any more.
func (f *following) happened(ctx context.Context, c *sql.Conn) (bool, error) {
	for _, lost := range f.lost {
		n, err := query.Rows(ctx, c, "SELECT 1 FROM follow_mark WHERE app = ? AND mark = ?"+f.store.lockRead(), []any{query.App(f.app), lost.mark[:]},
			func(*sql.Rows) error { return nil })
		if err != nil {
			return false, err
		}
		if n > 0 {
			f.changed = lost.changed
			return true, nil
		}
	}
	return false, nil
}

func (f *following) write(ctx context.Context, c *sql.Conn, h head, m mark) error {
	there, err := query.LookUp(ctx, c, followersOf, f.app, f.ids, f.store.lockRead())
	if err != nil {
		return err
	}
	ids := slices.DeleteFunc(slices.Clone(f.ids), func(id mpblock.OpenID) bool { return (there[id] != 0) == f.add })
	f.changed = len(ids)
	if len(ids) == 0 {
		return nil
	}
	if f.add {
		h.followers += len(ids)
		err = query.Insert(ctx, c, "follower (app, openid)", ids, func(id mpblock.OpenID) []any { return []any{query.App(f.app), query.ID(id)} })
	} else {
		h.followers -= len(ids)
		err = query.Remove(ctx, c, "follower", f.app, ids)
	}
	if err != nil {
		return err
	}
	if _, err := query.Change(ctx, c, "INSERT INTO follow_mark (app, mark, at) VALUES (?, ?, ?)", query.App(f.app), m[:], f.store.clock.Now().UnixMilli()); err != nil {
		return err
	}
	_, err = query.Change(ctx, c, "UPDATE account SET followers = ? WHERE app = ?", h.followers, query.App(f.app))
	return err
}
