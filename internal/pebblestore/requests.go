package pebblestore

import (
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
	"mpblock/internal/pebblestore/requests"
)

// answer returns what came of a batch if it was applied before, in this group or another.
func (s *Store) answer(app mpblock.AppID, a *account, group requests.Group, b mpblock.Batch) (made mpblock.Change, done bool, err error) {
	if !b.ID.Named() {
		return made, false, nil
	}
	before, err := group.Find(s.view, app, b.ID.Key)
	if err == nil {
		done, err = before.Answers(b)
	}
	if !done || before.Seq == 0 {
		return made, done, err
	}
	if made, done = a.recent.At(before.Seq); done {
		return made, true, nil
	}
	err = s.view(codec.ChangeKey(app, before.Seq), func(v []byte) (err error) {
		made, err = codec.DecodeChange(before.Seq, v)
		return err
	})
	return made, true, err
}

// Requests implements mpblock.Store.
func (s *Store) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) ([]mpblock.Request, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	out, err := requests.Page(ctx, s.db, app, after, limit)
	return out, s.explain(err)
}

// forgottenAtOnce is how many requests go with one write, for which others wait.
const forgottenAtOnce = 1_000

// sweepRequests forgets the requests whose time has passed; what it cannot forget now, it
// will the next time.
func (s *Store) sweepRequests() {
	ctx, cancel := context.WithTimeout(context.Background(), sweepEvery)
	defer cancel()
	passed := s.clock.Now().Add(-mpblock.KeepRequests)
	dead, err := requests.Dead(ctx, s.db, passed)
	if err != nil {
		return
	}
	for app, keys := range dead {
		a := s.account(app)
		for piece := range slices.Chunk(keys, forgottenAtOnce) {
			err := s.write(ctx, &a.lock, func(b *pebble.Batch) error {
				if _, err := s.headOf(app, a); err != nil { // which readers are shown once this is written
					return err
				}
				return requests.Forget(s.view, b, piece, passed)
			})
			if err != nil {
				return
			}
		}
	}
}
