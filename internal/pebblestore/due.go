package pebblestore

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Due implements mpblock.Store. The ends of all accounts lie in one order: an account's
// are read with those that lie between them, up to the last that it can have.
func (s *Store) Due(ctx context.Context, app mpblock.AppID, from mpblock.DueEnd, until time.Time, limit int) (due []mpblock.DueEnd, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	lower, upper := codec.EndKeysAfter(from, until)
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: codec.HeadKey(codec.EntryKeys, app), UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer s.end(it, &err)
	h := head{ends: math.MaxUint64}
	if app != "" {
		if h, err = headsAt(it, app); err != nil {
			return nil, err
		}
	}
	for ok := it.SeekGE(lower); ok && len(due) < limit && h.ends > 0; ok = it.Next() {
		d, err := codec.DecodeEnd(it.Key())
		if err != nil {
			return nil, err
		}
		if due = append(due, d); d.AppID == app {
			h.ends--
		}
	}
	return due, it.Error()
}

// putEnd writes the end of an entry in the place of the one that it had.
func (h *head) putEnd(batch *pebble.Batch, app mpblock.AppID, e *codec.Effect) (err error) {
	if e.Ended != 0 {
		h.ends--
		err = batch.Delete(codec.EndKey(e.Ended, app, e.ID), nil)
	}
	if e.Until != 0 {
		h.ends++
		err = errors.Join(err, batch.Set(codec.EndKey(e.Until, app, e.ID), nil, nil))
	}
	return err
}

// endOf returns the end of a change, which may be in the group that is being built.
func (s *Store) endOf(app mpblock.AppID, a *account, seq uint64) (end int64, err error) {
	if c, ok := a.recent.At(seq); ok {
		return mpblock.EndMilli(c.Until), nil
	}
	err = s.view(codec.ChangeKey(app, seq), func(v []byte) error {
		c, _, r := codec.DecodeChangeHead(seq, v)
		end = mpblock.EndMilli(c.Until)
		return r.Err
	})
	return end, err
}

// erasedAtOnce is how many ends of an account go with one write.
const erasedAtOnce = 10_000

// eraseEnds removes the ends of an account.
func (s *Store) eraseEnds(ctx context.Context, app mpblock.AppID, a *account) error {
	for from := (mpblock.DueEnd{}); ; {
		due, err := s.Due(ctx, app, from, lastEnd, erasedAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		from = due[len(due)-1]
		err = s.write(ctx, &a.lock, func(batch *pebble.Batch) (err error) {
			for _, d := range due {
				if d.AppID == app {
					err = errors.Join(err, batch.Delete(codec.EndKey(d.Until.UnixMilli(), app, d.OpenID), nil))
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

// lastEnd is not before any end.
var lastEnd = time.UnixMilli(1<<62 - 1)
