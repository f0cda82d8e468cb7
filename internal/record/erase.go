package record

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"mpblock"
)

// erasedAtOnce is how many records are read at a time, and removed side by side: some
// are large.
const erasedAtOnce = 32

// EraseUnder removes the records of some kinds whose keys begin with head and go on,
// readable or not. One that is written meanwhile may stay.
func EraseUnder(ctx context.Context, store mpblock.Records, head string, kinds ...string) error {
	for _, kind := range kinds {
		for after, more := head, true; more; {
			records, err := store.List(ctx, kind, after, erasedAtOnce)
			if err != nil {
				return err
			}
			more = len(records) == erasedAtOnce
			g, ctx := errgroup.WithContext(ctx)
			for _, r := range records {
				if after = r.Key; !strings.HasPrefix(after, head) {
					more = false
					break
				}
				g.Go(func() error { return Kind[[]byte](kind).Delete(ctx, store, r.Key, r.Version) })
			}
			if err := g.Wait(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Erase removes a record, readable or not, if there is one. One that is written
// meanwhile may stay.
func (k Kind[T]) Erase(ctx context.Context, store mpblock.Records, key string) error {
	r, err := store.Get(ctx, string(k), key)
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.Delete(ctx, store, key, r.Version)
}
