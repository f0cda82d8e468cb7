package memstore

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"mpblock"
)

// Get implements mpblock.Store.
func (s *Store) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	if err := s.begin(ctx); err != nil {
		return mpblock.Record{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.live(kind, key)
	if !ok {
		return mpblock.Record{}, mpblock.ErrNotFound
	}
	return r, nil
}

// live returns a copy of a record that has not expired.
func (s *Store) live(kind, key string) (mpblock.Record, bool) {
	r, ok := s.records[recordKey{kind, key}]
	if !ok || !r.Live(s.clock.Now()) {
		return mpblock.Record{}, false
	}
	r.Value = bytes.Clone(r.Value)
	return r, true
}

// Put implements mpblock.Store.
func (s *Store) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if err := r.Validate(); err != nil {
		return mpblock.Record{}, err
	}
	if err := s.begin(ctx); err != nil {
		return mpblock.Record{}, err
	}
	defer s.mu.Unlock()
	if old, _ := s.live(r.Kind, r.Key); old.Version != r.Version {
		return mpblock.Record{}, mpblock.ErrConflict
	}
	s.version++
	r.Version = s.version
	r.Value = bytes.Clone(r.Value)
	r.Expires = r.Expires.UTC().Truncate(time.Millisecond)
	s.records[recordKey{r.Kind, r.Key}] = r
	r.Value = bytes.Clone(r.Value)
	return r, nil
}

// Delete implements mpblock.Store.
func (s *Store) Delete(ctx context.Context, kind, key string, version uint64) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	switch r, ok := s.live(kind, key); {
	case !ok:
		return mpblock.ErrNotFound
	case r.Version != version:
		return mpblock.ErrConflict
	}
	delete(s.records, recordKey{kind, key})
	return nil
}

// List implements mpblock.Store.
func (s *Store) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var keys []string
	for k := range s.records {
		if k.kind == kind && k.key > after {
			keys = append(keys, k.key)
		}
	}
	slices.Sort(keys)
	var out []mpblock.Record
	for _, key := range keys {
		if len(out) >= limit {
			break
		}
		if r, ok := s.live(kind, key); ok {
			out = append(out, r)
		}
	}
	return out, nil
}

// Kinds implements mpblock.Store.
func (s *Store) Kinds(ctx context.Context) ([]string, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	kinds := make(map[string]struct{})
	for k := range s.records {
		kinds[k.kind] = struct{}{}
	}
	return slices.Sorted(maps.Keys(kinds)), nil
}
