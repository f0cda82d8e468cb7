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

// Apply implements mpblock.Store.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := errors.Join(b.Validate(), checkApp(app)); err != nil {
		return mpblock.Change{}, err
	}
	ids := mpblock.Distinct(b.OpenIDs)
	if err := s.enterToWrite(ctx); err != nil {
		return mpblock.Change{}, err
	}
	a := s.account(app)
	f, err := s.find(app, a, ids, b.Known, true)
	if err != nil {
		s.inflight.Done()
		return mpblock.Change{}, err
	}
	r := &request{ctx: ctx, batch: b, ids: ids, found: f, done: make(chan struct{})}
	s.submit(app, a, r)
	if err = s.until(ctx, r.done); err == nil {
		err = r.err
	}
	if err != nil {
		return mpblock.Change{}, err
	}
	return r.made, nil
}

// build puts a group's changes into a write. The caller holds the account's lock.
func (s *Store) build(app mpblock.AppID, a *account, b *pebble.Batch, group []*request) error {
	h, err := s.headOf(app, a)
	if err != nil {
		return err
	}
	a.forgetErased()
	for _, r := range group {
		if r.err = r.ctx.Err(); r.err != nil {
			continue
		}
		if r.found, r.err = s.current(app, a, r.ids, r.batch.Known, r.found); r.err != nil {
			continue
		}
		took, err := r.found.effects(r.batch, r.ids)
		if r.err = err; err != nil || len(took) == 0 {
			continue
		}
		if r.err = s.giveBack(app, r.batch, took); r.err != nil {
			continue
		}
		r.made = nextChange(h, r.batch, took)
		if h, err = putChange(b, app, h, r.made, took); err != nil {
			a.read, a.recent = false, recent{since: math.MaxUint64}
			return err
		}
		a.recent.add(r.made, took)
	}
	if b.Empty() {
		return nil
	}
	return a.remember(h, b.Set(headKey(entryKeys, app), h.encode(), nil))
}

func nextChange(h head, b mpblock.Batch, took []codec.Effect) mpblock.Change {
	var last time.Time
	if h.seq != 0 {
		last = time.UnixMilli(h.time).UTC()
	}
	c := mpblock.Change{
		Seq: h.seq + 1, Time: b.Date(last),
		Actor: b.Actor, Action: b.Action, Reason: b.Reason, Undoes: b.Undoes, OpenIDs: make([]mpblock.OpenID, len(took)),
	}
	for i := range took {
		c.OpenIDs[i] = took[i].ID
	}
	return c
}

// putChange writes a change and its effects, and returns the head after it, which is
// to be written too. Of a former entry the seq of the change that unblocked it is
// kept, from which its history begins; that of one which is blocked again is out of
// use until then.
func putChange(batch *pebble.Batch, app mpblock.AppID, h head, c mpblock.Change, took []codec.Effect) (head, error) {
	h.seq, h.time = c.Seq, c.Time.UnixMilli()
	if c.Action == mpblock.Block {
		h.total += uint64(len(took))
	} else {
		h.total -= uint64(len(took))
		h.unblocks++
	}
	seq := codec.EncodeUint(c.Seq)
	entry, former := newIDKey(entryKeys, app), newIDKey(formerKeys, app)
	var errs error
	for i := range took {
		id, value := &took[i].ID, seq
		if c.Action == mpblock.Block {
			if since := took[i].Since; since != 0 {
				value = codec.EncodeLast(c.Seq, since, c.Seq)
			}
			errs = errors.Join(errs, batch.Set(entry.of(id), value, nil))
		} else {
			if since := took[i].Since; since != took[i].Previous {
				value = codec.EncodeLast(c.Seq, since, took[i].Previous)
			}
			errs = errors.Join(errs, batch.Delete(entry.of(id), nil), batch.Set(former.of(id), value, nil))
		}
	}
	if c.Undoes != 0 {
		errs = errors.Join(errs, batch.Set(seqKey(undoneKeys, app, c.Undoes), seq, nil))
	}
	return h, errors.Join(errs, batch.Set(changeKey(app, c.Seq), codec.EncodeChange(c, took), nil))
}
