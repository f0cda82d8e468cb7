package pebblestore

import (
	"context"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
)

// accountKeys are the kinds of keys that belong to an account.
var accountKeys = []byte{entryKeys, changeKeys, followerKeys, formerKeys, undoneKeys}

// Erase implements mpblock.Store. It is one write of a few bytes, whatever the account
// has: so it has happened or not, also after a crash. The merges that follow take the
// bytes off the disk; where they do not come to an end, Pebble's own do later.
func (s *Store) Erase(ctx context.Context, app mpblock.AppID) error {
	if err := checkApp(app); err != nil {
		return err
	}
	a := s.account(app)
	err := s.write(ctx, &a.lock, func(batch *pebble.Batch) error {
		var errs error
		for _, kind := range accountKeys {
			from := appKey(kind, app)
			errs = errors.Join(errs, batch.DeleteRange(from, after(from), nil))
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
			from := appKey(kind, app)
			if err := s.db.Compact(ctx, from, after(from), false); err != nil {
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
		a.recent = recent{since: math.MaxUint64}
	}
}
