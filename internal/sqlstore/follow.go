package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"mpblock"
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
	if len(ids) > mpblock.MaxBatch {
		return 0, fmt.Errorf("sqlstore: %d followers in one call, at most %d", len(ids), mpblock.MaxBatch)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return 0, err
	}
	defer s.leave()
	f := &following{store: s, app: app, ids: distinct(ids), add: add, lost: make(map[mark]int)}
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
	changed int          // how many followers came or went, once a try has succeeded
	lost    map[mark]int // that of tries of which it is not known whether they happened
}

func (f *following) try(ctx context.Context, c *sql.Conn) error {
	m := newMark()
	err := locked(ctx, c, f.app, func(h head) error {
		if n, happened := f.lost[h.followed]; happened {
			f.changed = n
			return nil
		}
		return f.write(ctx, c, h, m)
	})
	if isUnsettled(err) {
		f.lost[m] = f.changed
	}
	return err
}

func (f *following) write(ctx context.Context, c *sql.Conn, h head, m mark) error {
	there := make(map[mpblock.OpenID]struct{})
	if err := followers(ctx, c, f.app, f.ids, f.store.lockRead(), func(id mpblock.OpenID) { there[id] = struct{}{} }); err != nil {
		return err
	}
	ids := slices.DeleteFunc(slices.Clone(f.ids), func(id mpblock.OpenID) bool {
		_, follows := there[id]
		return follows == f.add
	})
	f.changed = len(ids)
	if len(ids) == 0 {
		return nil
	}
	var err error
	if f.add {
		h.followers += len(ids)
		err = insert(ctx, c, "follower (app, openid)", ids, func(id mpblock.OpenID) []any { return []any{appArg(f.app), idArg(id)} })
	} else {
		h.followers -= len(ids)
		err = remove(ctx, c, "follower", f.app, ids)
	}
	if err != nil {
		return err
	}
	_, err = change(ctx, c, "UPDATE account SET followers = ?, followed = ? WHERE app = ?", h.followers, m[:], appArg(f.app))
	return err
}
