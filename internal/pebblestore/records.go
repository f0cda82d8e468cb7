package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Get implements mpblock.Store.
func (s *Store) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	if err := s.enter(ctx); err != nil {
		return mpblock.Record{}, err
	}
	defer s.inflight.Done()
	return s.record(kind, key, codec.RecordKey(kind, key))
}

// List implements mpblock.Store.
func (s *Store) List(ctx context.Context, kind, from string, limit int) (records []mpblock.Record, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	if limit <= 0 {
		return nil, nil
	}
	lower := append(codec.RecordKey(kind, from), 0)
	if from == "" {
		lower = codec.RecordKey(kind, "")
	}
	err = s.eachRecord(lower, codec.After(codec.RecordKey(kind, "")), func(name, _ []byte, r mpblock.Record) bool {
		if r.Live(s.clock.Now()) {
			r.Kind, r.Key, r.Value = kind, string(name), slices.Clone(r.Value)
			records = append(records, r)
		}
		return len(records) < limit
	})
	return records, err
}

// Kinds implements mpblock.Store. It seeks from kind to kind.
func (s *Store) Kinds(ctx context.Context) (kinds []string, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.inflight.Done()
	from := []byte{codec.RecordKeys}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: codec.After(from)})
	if err != nil {
		return nil, err
	}
	defer s.end(it, &err)
	for ok := it.First(); ok; ok = it.SeekGE(from) {
		kind, _, _ := bytes.Cut(it.Key()[1:], []byte{0})
		kinds = append(kinds, string(kind))
		from = codec.After(codec.RecordKey(string(kind), ""))
	}
	return kinds, it.Error()
}

// eachRecord hands the records between two keys to do, without kind and key, until
// it returns false. name is the record's key, k that of the store; they and the value
// are good until do returns.
func (s *Store) eachRecord(lower, upper []byte, do func(name, k []byte, r mpblock.Record) bool) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer s.end(it, &err)
	for ok := it.First(); ok; ok = it.Next() {
		r, err := codec.DecodeRecord("", "", it.Value())
		if err != nil {
			return err
		}
		k := it.Key()
		if !do(k[bytes.IndexByte(k, 0)+1:], k, r) {
			break
		}
	}
	return it.Error()
}

var recordSeed = maphash.MakeSeed()

func (s *Store) recordLock(key []byte) *lock {
	return &s.records[maphash.Bytes(recordSeed, key)%uint64(len(s.records))]
}

// Put implements mpblock.Store.
func (s *Store) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if err := r.Validate(); err != nil {
		return mpblock.Record{}, err
	}
	key := codec.RecordKey(r.Kind, r.Key)
	next := r
	next.Value = slices.Clone(r.Value)
	next.Expires = r.Expires.UTC().Truncate(time.Millisecond)
	for next.Version = 0; next.Version == 0; {
		next.Version = rand.Uint64() //nolint:gosec // distinct, not secret
	}
	err := s.write(ctx, s.recordLock(key), func(b *pebble.Batch) error {
		old, err := s.record(r.Kind, r.Key, key)
		if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
			return err
		}
		if old.Version != r.Version {
			return mpblock.ErrConflict
		}
		return b.Set(key, codec.EncodeRecord(next), nil)
	})
	if err != nil {
		return mpblock.Record{}, err
	}
	return next, nil
}

// Delete implements mpblock.Store.
func (s *Store) Delete(ctx context.Context, kind, key string, version uint64) error {
	k := codec.RecordKey(kind, key)
	return s.write(ctx, s.recordLock(k), func(b *pebble.Batch) error {
		old, err := s.record(kind, key, k)
		if err != nil {
			return err
		}
		if old.Version != version {
			return mpblock.ErrConflict
		}
		return b.Delete(k, nil)
	})
}

// record reads a record that has not reached its end.
func (s *Store) record(kind, key string, k []byte) (mpblock.Record, error) {
	v, err := s.value(k)
	if err != nil {
		return mpblock.Record{}, err
	}
	if v == nil {
		return mpblock.Record{}, mpblock.ErrNotFound
	}
	r, err := codec.DecodeRecord(kind, key, v)
	if err != nil {
		return mpblock.Record{}, err
	}
	if !r.Live(s.clock.Now()) {
		return mpblock.Record{}, mpblock.ErrNotFound
	}
	return r, nil
}
