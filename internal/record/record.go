// Package record has the records of a store as values of Go types: read, written
// if nobody else wrote in between, changed by an edit that is tried again until
// then, and listed by the beginning of their keys.
//
// It promises that no write of another is lost: every write goes through the
// version that was read, whichever node wrote. What the records mean, and how long
// they live, it leaves to the packages that keep them.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"mpblock"
)

// Kind is the name of one kind of records, whose values are each a T in JSON, or the
// bytes as they are where T is []byte.
type Kind[T any] string

// Entry is a record with its value decoded.
type Entry[T any] struct {
	Key     string
	Value   T
	Version uint64    // 0: there is none
	Expires time.Time // zero: never
}

// ErrKeep is returned by an edit that leaves the record as it is. Edit then returns
// no error.
var ErrKeep = errors.New("record: leave it as it is")

// Get returns a record, or mpblock.ErrNotFound.
func (k Kind[T]) Get(ctx context.Context, store mpblock.Records, key string) (Entry[T], error) {
	r, err := store.Get(ctx, string(k), key)
	if err != nil {
		return Entry[T]{Key: key}, err
	}
	return k.Of(r)
}

// Of returns the entry of a record that was read by other means.
func (k Kind[T]) Of(r mpblock.Record) (Entry[T], error) {
	e := Entry[T]{Key: r.Key, Version: r.Version, Expires: r.Expires}
	if raw, ok := any(&e.Value).(*[]byte); ok {
		*raw = r.Value
		return e, nil
	}
	if err := json.Unmarshal(r.Value, &e.Value); err != nil {
		return e, fmt.Errorf("the record %s %s cannot be read: %w", k, r.Key, err)
	}
	return e, nil
}

// Record returns what is written of an entry.
func (k Kind[T]) Record(e Entry[T]) mpblock.Record {
	r := mpblock.Record{Kind: string(k), Key: e.Key, Version: e.Version, Expires: e.Expires}
	if raw, ok := any(e.Value).([]byte); ok {
		r.Value = raw
		return r
	}
	var err error
	if r.Value, err = json.Marshal(e.Value); err != nil {
		panic(err) // the values are structs of plain fields
	}
	return r
}

// Put writes an entry if the stored one still has its version, else it fails with
// mpblock.ErrConflict. It returns the entry with its new version.
func (k Kind[T]) Put(ctx context.Context, store mpblock.Records, e Entry[T]) (Entry[T], error) {
	r, err := store.Put(ctx, k.Record(e))
	if err == nil {
		e.Version = r.Version
	}
	return e, err
}

// Edit changes a record, and returns it as it is then. edit gets what is stored, with
// Version 0 and the zero value if there is none; where another has written meanwhile
// it is called again with that. Its error ends the edit and is returned, but for
// ErrKeep.
func (k Kind[T]) Edit(ctx context.Context, store mpblock.Records, key string, edit func(*Entry[T]) error) (Entry[T], error) {
	for {
		e, err := k.Get(ctx, store, key)
		if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
			return e, err
		}
		if err := edit(&e); errors.Is(err, ErrKeep) {
			return e, nil
		} else if err != nil {
			return e, err
		}
		if e, err = k.Put(ctx, store, e); !errors.Is(err, mpblock.ErrConflict) {
			return e, err
		}
	}
}

// Delete removes a record if it still has a version. That it is gone, or that another
// has written it, is no error.
func (k Kind[T]) Delete(ctx context.Context, store mpblock.Records, key string, version uint64) error {
	err := store.Delete(ctx, string(k), key, version)
	if errors.Is(err, mpblock.ErrNotFound) || errors.Is(err, mpblock.ErrConflict) {
		return nil
	}
	return err
}

// Under returns the records whose keys begin with head, in byte order of their keys,
// read piece at a time. An error ends it.
func (k Kind[T]) Under(ctx context.Context, store mpblock.Records, head string, piece int) iter.Seq2[Entry[T], error] {
	return k.UnderAfter(ctx, store, head, head, piece)
}

// UnderAfter is Under without the records up to a key.
func (k Kind[T]) UnderAfter(ctx context.Context, store mpblock.Records, head, after string, piece int) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		for after := after; ; {
			records, err := store.List(ctx, string(k), after, piece)
			if err != nil {
				yield(Entry[T]{}, err)
				return
			}
			for _, r := range records {
				if !strings.HasPrefix(r.Key, head) {
					return
				}
				e, err := k.Of(r)
				if !yield(e, err) || err != nil {
					return
				}
				after = r.Key
			}
			if len(records) < piece {
				return
			}
		}
	}
}

// Overwrite writes an entry whatever is there.
func (k Kind[T]) Overwrite(ctx context.Context, store mpblock.Records, e Entry[T]) error {
	_, err := k.Edit(ctx, store, e.Key, func(now *Entry[T]) error {
		now.Value, now.Expires = e.Value, e.Expires
		return nil
	})
	return err
}
