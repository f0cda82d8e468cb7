package pebblestore

import (
	"context"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/recent"
)

// accountKeys are the kinds of keys that belong to an account.
var accountKeys = []byte{codec.EntryKeys, codec.ChangeKeys, codec.FollowerKeys, codec.FormerKeys, codec.RequestKeys, codec.UndoneKeys}

// Erase implements mpblock.Store. But for ends, it is one write of a few bytes, whatever
// the account has: so it has happened or not, also after a crash. The merges that follow take the
// bytes off the disk; where they do not come to an end, Pebble's own do later.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	if err := codec.CheckApp(app); err != nil {
		return err
	}
	a := s.account(app)
	if err := s.eraseEnds(ctx, app, a); err != nil {
		return err
	}
	err := s.write(ctx, &a.lock, func(batch *pebble.Batch) error {
		var errs error
		for _, kind := range accountKeys {
			from := codec.AppKey(kind, app)
			errs = errors.Join(errs, batch.DeleteRange(from, codec.After(from), nil))
		}
		if errs != nil {
			return errs
		}
		a.erased, a.read, a.head = true, true, head{}
		return nil
	})
	if err != nil {
		return err
	}
	return s.await(ctx, func() error {
		for _, kind := range accountKeys {
			from := codec.AppKey(kind, app)
			if err := s.db.Compact(ctx, from, codec.After(from), false); err != nil {
				return s.explain(err)
			}
		}
		return nil
	})
}

// forgetErased has an account that was erased once remember nothing. What is in the
// tables is no longer true as of the seq in the head there, until they are written
// again: so every look-up is made anew, in everything. That is slower, and never needed:
// an AppID is not used again.
func (a *account) forgetErased() {
	if a.erased {
		a.recent = recent.Changes{Since: math.MaxUint64}
	}
}
