package pebblestore

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Kinds implements mpblock.KindLister. It seeks from kind to kind.
func (s *Store) Kinds(ctx context.Context) (kinds []string, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	from := []byte{recordKeys}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: after(from)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.SeekGE(from) {
		kind, _, _ := bytes.Cut(it.Key()[1:], []byte{0})
		kinds = append(kinds, string(kind))
		from = after(recordKey(string(kind), ""))
	}
	return kinds, it.Error()
}
