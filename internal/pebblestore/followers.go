package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
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
		return 0, fmt.Errorf("pebblestore: %d followers in one call, at most %d", len(ids), mpblock.MaxWrite)
	}
	if err := codec.CheckApp(app); err != nil {
		return 0, err
	}
	ids = mpblock.Distinct(ids)
	a := s.account(app)
	took := 0
	err := s.write(ctx, &a.lock, func(batch *pebble.Batch) error {
		h, err := s.headOf(app, a)
		if err != nil {
			return err
		}
		ids, err := s.whoFollow(app, ids, !add)
		if err != nil || len(ids) == 0 {
			return err
		}
		took = len(ids)
		var errs error
		for _, id := range ids {
			if key := codec.OpenIDKey(codec.FollowerKeys, app, id); add {
				h.followers++
				errs = errors.Join(errs, batch.Set(key, nil, nil))
			} else {
				h.followers--
				errs = errors.Join(errs, batch.Delete(key, nil))
			}
		}
		return a.remember(h, errors.Join(errs, batch.Set(codec.HeadKey(codec.FollowerKeys, app), codec.EncodeUint(h.followers), nil)))
	})
	if err != nil {
		return 0, err
	}
	return took, nil
}

// whoFollow returns those OpenIDs that are followers or, if follow is false, those that
// are not.
func (s *Store) whoFollow(app mpblock.AppID, ids []mpblock.OpenID, follow bool) (some []mpblock.OpenID, err error) {
	err = s.look(app, false, func(l *lookup) error {
		for i := range ids {
			if l.follows(&ids[i]) == follow {
				some = append(some, ids[i])
			}
		}
		return nil
	})
	return some, err
}
