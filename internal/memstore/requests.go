package memstore

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"mpblock"
)

// requests are those of an account that are remembered.
type requests struct {
	of   map[[16]byte]mpblock.Request
	most int // so many are kept before those whose time has passed are forgotten
}

// fewRequests are not worth looking through.
const fewRequests = 1_000

// add remembers the request of a batch, if it is one.
func (r *requests) add(b mpblock.Batch, c mpblock.Change) {
	if !b.ID.Named() {
		return
	}
	if r.of == nil {
		r.of = make(map[[16]byte]mpblock.Request)
	}
	r.of[b.ID.Key] = b.Request(c)
	if len(r.of) <= max(r.most, fewRequests) {
		return
	}
	maps.DeleteFunc(r.of, func(_ [16]byte, old mpblock.Request) bool { return !b.Time.Before(old.Time.Add(mpblock.KeepRequests)) })
	r.most = 2 * len(r.of)
}

func (r *requests) clone() requests { return requests{maps.Clone(r.of), r.most} }

// changeOf returns the change that a request has become, the zero one if it changed nothing.
func (a *account) changeOf(r mpblock.Request) mpblock.Change {
	if r.Seq == 0 {
		return mpblock.Change{}
	}
	return a.changes[r.Seq-1]
}

// Requests implements mpblock.Store.
func (s *Store) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) ([]mpblock.Request, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []mpblock.Request
	for _, r := range s.account(app).requests.of {
		if bytes.Compare(r.ID.Key[:], after[:]) > 0 {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b mpblock.Request) int { return bytes.Compare(a.ID.Key[:], b.ID.Key[:]) })
	return out[:min(limit, len(out))], nil
}
