// Package known goes over the OpenIDs that an account of the embedded store knows: those
// that are blocked, and those that were.
package known

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// Walk goes over the entries of a range and, where there is none, the former entries, in
// byte order.
type Walk struct {
	blocked, former *pebble.Iterator
	err             error
}

// New returns a Walk behind an OpenID and up to another.
func New(ctx context.Context, db *pebble.DB, app mpblock.AppID, after, last mpblock.OpenID) (w *Walk, err error) {
	w = &Walk{}
	for kind, it := range map[byte]**pebble.Iterator{codec.EntryKeys: &w.blocked, codec.FormerKeys: &w.former} {
		*it, err = db.NewIterWithContext(ctx, &pebble.IterOptions{
			LowerBound: append(codec.OpenIDKey(kind, app, after), 0), UpperBound: append(codec.OpenIDKey(kind, app, last), 0),
		})
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		(*it).First()
	}
	return w, nil
}

// Next returns the next OpenID and the seq of its last change.
func (w *Walk) Next() (id mpblock.OpenID, seq uint64, ok bool) {
	it := w.blocked
	switch c := bytes.Compare(idAt(w.blocked), idAt(w.former)); {
	case !w.former.Valid():
	case !w.blocked.Valid(), c > 0:
		it = w.former
	case c == 0: // it was blocked again
		w.former.Next()
	}
	if w.err == nil && it.Valid() {
		id = mpblock.OpenID(idAt(it))
		seq, w.err = codec.DecodeUint(it.Value())
		it.Next()
		return id, seq, w.err == nil
	}
	w.err = cmp.Or(w.err, w.blocked.Error(), w.former.Error())
	return id, 0, false
}

// idAt returns the OpenID at which an iterator stands, nil behind its end.
func idAt(it *pebble.Iterator) []byte {
	if !it.Valid() {
		return nil
	}
	return it.Key()[1+mpblock.AppIDLen:]
}

// Close ends the walk, and tells what stopped it.
func (w *Walk) Close() error {
	err := w.err
	for _, it := range []*pebble.Iterator{w.blocked, w.former} {
		if it != nil {
			closed := it.Close() // tells again what stopped it
			err = cmp.Or(err, closed)
		}
	}
	return err
}
