package pebblestore

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/recent"
	"mpblock/internal/pebblestore/requests"
)

// Apply implements mpblock.Store.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := errors.Join(b.Validate(), codec.CheckApp(app)); err != nil {
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
	var asked requests.Group
	for _, r := range group {
		if r.err = r.ctx.Err(); r.err != nil {
			continue
		}
		var done bool
		if r.made, done, r.err = s.answer(app, a, asked, r.batch); done || r.err != nil {
			continue
		}
		if r.found, r.err = s.current(app, a, r.ids, r.batch.Known, r.found); r.err != nil {
			continue
		}
		took, err := r.found.effects(r.batch, r.ids)
		if r.err = err; err != nil {
			continue
		}
		at := h.date(r.batch)
		if took, r.err = s.giveBack(app, a, r.batch, at, took); r.err != nil {
			continue
		}
		if len(took) > 0 {
			r.made = nextChange(h, r.batch, at, took)
			h, err = putChange(b, app, h, r.made, took)
			a.recent.Add(r.made, took)
			a.filter.Load().Add(r.made.OpenIDs)
		}
		if err = errors.Join(err, asked.Put(b, app, r.batch, r.made)); err != nil {
			a.read, a.recent = false, recent.Changes{Since: math.MaxUint64}
			return err
		}
	}
	if b.Empty() {
		return nil
	}
	return a.remember(h, b.Set(codec.HeadKey(codec.EntryKeys, app), h.encode(), nil))
}

// date returns the time of the change that a batch becomes.
func (h *head) date(b mpblock.Batch) time.Time {
	var last time.Time
	if h.seq != 0 {
		last = time.UnixMilli(h.time).UTC()
	}
	return b.Date(last)
}

func nextChange(h head, b mpblock.Batch, at time.Time, took []codec.Effect) mpblock.Change {
	c := mpblock.Change{
		Seq: h.seq + 1, Time: at, Until: mpblock.EndAt(mpblock.EndMilli(b.Until)),
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
	switch c.Action {
	case mpblock.Block:
		h.total += uint64(len(took))
	case mpblock.Unblock:
		h.total -= uint64(len(took))
		h.unblocks++
	default: // an amend moves nobody
	}
	seq := codec.EncodeUint(c.Seq)
	entry, former := codec.NewIDKey(codec.EntryKeys, app), codec.NewIDKey(codec.FormerKeys, app)
	var errs error
	for i := range took {
		e, value := &took[i], seq
		if c.Action != mpblock.Unblock {
			if e.Since != 0 || e.Until != 0 {
				value = codec.EncodeLast(codec.Last{Seq: c.Seq, Since: cmp.Or(e.Since, c.Seq), Until: e.Until}, c.Seq)
			}
			errs = errors.Join(errs, batch.Set(entry.Of(&e.ID), value, nil))
		} else {
			if e.Since != e.Previous {
				value = codec.EncodeLast(codec.Last{Seq: c.Seq, Since: e.Since}, e.Previous)
			}
			errs = errors.Join(errs, batch.Delete(entry.Of(&e.ID), nil), batch.Set(former.Of(&e.ID), value, nil))
		}
		if e.Ended != e.Until {
			errs = errors.Join(errs, h.putEnd(batch, app, e))
		}
	}
	if c.Undoes != 0 {
		errs = errors.Join(errs, batch.Set(codec.SeqKey(codec.UndoneKeys, app, c.Undoes), seq, nil))
	}
	return h, errors.Join(errs, batch.Set(codec.ChangeKey(app, c.Seq), codec.EncodeChange(c, took), nil))
}
