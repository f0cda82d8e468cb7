package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mpblock"
)

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changesIf(ctx, app, after, limit, func(c mpblock.Change) (mpblock.Change, bool) {
		return c, true
	})
}

// ChangesOf implements mpblock.Store.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changesIf(ctx, app, after, limit, func(c mpblock.Change) (mpblock.Change, bool) {
		held := set(c.OpenIDs).has(id)
		c.OpenIDs = []mpblock.OpenID{id}
		return c, held
	})
}

func (s *Store) changesIf(ctx context.Context, app mpblock.AppID, after uint64, limit int,
	pick func(mpblock.Change) (mpblock.Change, bool),
) ([]mpblock.Change, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	var out []mpblock.Change
	for _, c := range a.changes[min(after, a.seq()):] {
		if len(out) >= limit {
			break
		}
		if c, ok := pick(c); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// ChangeHeads implements mpblock.Store.
func (s *Store) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("memstore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a := s.account(app)
	var heads []mpblock.Change
	for _, seq := range seqs {
		if seq == 0 || seq > a.seq() {
			return nil, &mpblock.NoChangeError{Seq: seq}
		}
		c := a.changes[seq-1]
		c.OpenIDs = nil
		heads = append(heads, c)
	}
	return heads, nil
}

// Undone implements mpblock.Store.
func (s *Store) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("memstore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	undone := make(map[uint64]uint64)
	for _, c := range s.account(app).changes {
		undone[c.Undoes] = c.Seq
	}
	delete(undone, 0)
	by := make([]uint64, len(seqs))
	for i, seq := range seqs {
		by[i] = undone[seq]
	}
	return by, nil
}

// Histories implements mpblock.Store.
func (s *Store) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	steps := make(map[mpblock.OpenID][]mpblock.Change)
	for _, c := range s.account(app).changes {
		for _, id := range c.OpenIDs {
			if id.Compare(after) > 0 && id.Compare(last) <= 0 {
				steps[id] = append(steps[id], mpblock.Change{Seq: c.Seq, Action: c.Action, Undoes: c.Undoes})
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(steps), mpblock.OpenID.Compare) {
		for _, c := range steps[id] {
			each(id, c)
		}
	}
	return nil
}
