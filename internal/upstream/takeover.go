package upstream

import (
	"context"
	"maps"
	"slices"
	"time"

	"mpblock"
)

// takeOver has what others did on the platform happen here.
func (h *hold) takeOver(ctx context.Context, added, removed []mpblock.OpenID) error {
	added, err := h.giveBack(ctx, added)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		action mpblock.Action
		ids    []mpblock.OpenID
	}{{mpblock.Block, added}, {mpblock.Unblock, removed}} {
		for batch := range slices.Chunk(step.ids, mpblock.MaxWrite) {
			b := mpblock.Batch{Action: step.action, OpenIDs: batch, Actor: Platform, Time: h.s.clock.Now()}
			if _, err := h.apply(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// backWithin is how long a fault of the platform's list may last that is made good again.
const backWithin = 48 * time.Hour

// giveBack blocks those here again whom a reading not long ago has unblocked: they were
// missing there by a fault, or for a moment, and get back reason and end. It returns the
// others.
func (h *hold) giveBack(ctx context.Context, ids []mpblock.OpenID) (others []mpblock.OpenID, err error) {
	last := map[uint64][]mpblock.OpenID{} // by their last changes, each in byte order
	for batch := range slices.Chunk(ids, mpblock.MaxWrite) {
		states, err := h.s.store.States(ctx, h.app, batch)
		if err != nil {
			return nil, err
		}
		for i, id := range batch {
			last[states[i].Seq] = append(last[states[i].Seq], id)
		}
	}
	others = last[0]
	delete(last, 0)
	for _, seq := range slices.Sorted(maps.Keys(last)) {
		heads, err := h.s.store.ChangeHeads(ctx, h.app, []uint64{seq})
		if err != nil {
			return nil, err
		}
		now, c := h.s.clock.Now(), heads[0]
		if c.Action != mpblock.Unblock || c.Actor != Platform || now.Sub(c.Time) > backWithin {
			others = append(others, last[seq]...)
			continue
		}
		b := mpblock.Batch{Action: mpblock.Block, OpenIDs: last[seq], Actor: Platform, Undoes: seq, Time: now}
		made, err := h.apply(ctx, b)
		if err != nil {
			return nil, err
		}
		if b.OpenIDs = mpblock.Without(b.OpenIDs, made.OpenIDs); len(b.OpenIDs) > 0 { // whose end has come: expiry unblocks there
			b.Undoes, b.Until = 0, now
			if _, err := h.apply(ctx, b); err != nil {
				return nil, err
			}
		}
	}
	return others, nil
}
