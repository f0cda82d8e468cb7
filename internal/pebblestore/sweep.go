package pebblestore

import (
	"context"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// sweepEvery is how often what is past its end is removed.
const sweepEvery = 10 * time.Minute

// sweepNowAndThen removes records past their end, and requests whose time has passed,
// until the store closes.
func (s *Store) sweepNowAndThen() {
	defer s.inflight.Done()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.sweep()
			s.sweepRequests()
		}
	}
}

// sweep removes the records that are past their end; what it cannot remove now,
// it will the next time. It copies no value: some are large, and most live.
func (s *Store) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), sweepEvery)
	defer cancel()
	var dead [][]byte
	err := s.eachRecord([]byte{codec.RecordKeys}, codec.After([]byte{codec.RecordKeys}), func(_ []byte, k []byte, r mpblock.Record) bool {
		if !r.Live(s.clock.Now()) {
			dead = append(dead, slices.Clone(k))
		}
		return true
	})
	if err != nil {
		return
	}
	for _, k := range dead {
		err := s.write(ctx, s.recordLock(k), func(b *pebble.Batch) error {
			return s.view(k, func(v []byte) error {
				if v == nil {
					return nil
				}
				if r, err := codec.DecodeRecord("", "", v); err != nil || r.Live(s.clock.Now()) {
					return err
				}
				return b.Delete(k, nil)
			})
		})
		if err != nil {
			return
		}
	}
}
