// Package requests is what the embedded store keeps of batches with an ID that were applied.
package requests

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Group are those of a group that is being built.
type Group map[[16]byte]mpblock.Request

// Put writes that a batch was applied, if it has an ID.
func (g *Group) Put(batch *pebble.Batch, app mpblock.AppID, b mpblock.Batch, made mpblock.Change) error {
	if !b.ID.Named() {
		return nil
	}
	if *g == nil {
		*g = make(Group)
	}
	(*g)[b.ID.Key] = b.Request(made)
	return batch.Set(codec.RequestKey(app, b.ID.Key), codec.EncodeRequest(b.Request(made)), nil)
}

// Viewer shows a value as it lies in memory, nil if the key is not there.
type Viewer func(key []byte, show func([]byte) error) error

// Find returns the request with the key of a batch, in the group or the store; the zero
// one: there is none.
func (g Group) Find(view Viewer, app mpblock.AppID, key [16]byte) (found mpblock.Request, err error) {
	if found, ok := g[key]; ok {
		return found, nil
	}
	k := codec.RequestKey(app, key)
	err = view(k, func(v []byte) (err error) {
		if v != nil {
			_, found, err = codec.DecodeRequest(k, v)
		}
		return err
	})
	return found, err
}

// Page returns up to limit requests of an account behind a key.
func Page(ctx context.Context, db *pebble.DB, app mpblock.AppID, after [16]byte, limit int) (out []mpblock.Request, err error) {
	from := append(codec.RequestKey(app, after), 0)
	err = each(ctx, db, from, codec.After(codec.AppKey(codec.RequestKeys, app)), func(_ []byte, _ mpblock.AppID, r mpblock.Request) bool {
		if len(out) < limit {
			out = append(out, r)
		}
		return len(out) < limit
	})
	return out, err
}

// Dead returns the keys of requests whose time is not after one, by accounts.
func Dead(ctx context.Context, db *pebble.DB, passed time.Time) (map[mpblock.AppID][][]byte, error) {
	dead := make(map[mpblock.AppID][][]byte)
	err := each(ctx, db, []byte{codec.RequestKeys}, codec.After([]byte{codec.RequestKeys}), func(k []byte, app mpblock.AppID, r mpblock.Request) bool {
		if !r.Time.After(passed) {
			dead[app] = append(dead[app], slices.Clone(k))
		}
		return true
	})
	return dead, err
}

func each(ctx context.Context, db *pebble.DB, from, to []byte, do func(key []byte, app mpblock.AppID, r mpblock.Request) bool) (err error) {
	it, err := db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		app, r, err := codec.DecodeRequest(it.Key(), it.Value())
		if err != nil {
			return err
		}
		if !do(it.Key(), app, r) {
			break
		}
	}
	return nil // Close tells what stopped it
}

// Forget removes those of some keys that are still of a time that has passed.
func Forget(view Viewer, b *pebble.Batch, keys [][]byte, passed time.Time) error {
	var errs error
	for _, k := range keys {
		errs = errors.Join(errs, view(k, func(v []byte) error {
			if v == nil {
				return nil
			}
			if _, r, err := codec.DecodeRequest(k, v); err != nil || r.Time.After(passed) {
				return err
			}
			return b.Delete(k, nil)
		}))
	}
	return errs
}
