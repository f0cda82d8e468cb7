// Package codec writes and reads what the embedded store keeps under its keys: numbers,
// entries, changes and records. The package comment of pebblestore says which is where.
package codec

import (
	"encoding/binary"
	"errors"
	"time"

	"mpblock"
)

// Reader takes a value apart; its Err is set at the first thing that is missing.
type Reader struct {
	Rest []byte // what is still to be read
	Err  error
}

// ErrDamaged is what a value is read with that cannot have been written.
var ErrDamaged = errors.New("pebblestore: a value on the disk is damaged; mpblock check names the account")

// Uint reads an unsigned number.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Err = ErrDamaged
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Int reads a number that may be negative.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.Err = ErrDamaged
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

func (r *Reader) bytes(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.Err = ErrDamaged
		return nil
	}
	v := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return v
}

// EncodeUint writes a number that is all of a value.
func EncodeUint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// DecodeUint reads what EncodeUint has written.
func DecodeUint(b []byte) (uint64, error) {
	r := Reader{Rest: b}
	v := r.Uint()
	return v, r.Err
}

// Last is what an entry or a former entry holds.
type Last struct {
	Seq   uint64 // of the last change; 0: there is no entry
	Since uint64 // the change that it belongs to, or belonged to; 0: the usual one
	Until int64  // when an entry ends, in milliseconds; 0: never
}

// EncodeLast writes an entry, or a former one: Since and Until only where there is
// something to be said.
func EncodeLast(l Last, usual uint64) []byte {
	b := EncodeUint(l.Seq)
	if l.Since != usual || l.Until != 0 {
		b = binary.AppendUvarint(b, l.Since)
	}
	if l.Until != 0 {
		b = binary.AppendUvarint(b, uint64(l.Until)) //nolint:gosec // Batch.Validate: it is after 1970
	}
	return b
}

// DecodeLast reads what EncodeLast has written.
func DecodeLast(b []byte) (l Last, err error) {
	r := Reader{Rest: b}
	if l.Seq = r.Uint(); len(r.Rest) > 0 {
		l.Since = r.Uint()
	}
	if len(r.Rest) > 0 {
		l.Until = int64(r.Uint()) //nolint:gosec // as it was written
	}
	return l, r.Err
}

// EncodeRecord writes a record without its kind and key.
func EncodeRecord(r mpblock.Record) []byte {
	b := make([]byte, 0, 20+len(r.Value))
	b = binary.AppendUvarint(b, r.Version)
	b = binary.AppendUvarint(b, expiryOf(r))
	return append(b, r.Value...)
}

// expiryOf returns the end of a record in milliseconds, 0 for none.
func expiryOf(r mpblock.Record) uint64 {
	if r.Expires.IsZero() {
		return 0
	}
	return uint64(max(r.Expires.UnixMilli(), 1))
}

// DecodeRecord reads a record. Its value is where it lies.
func DecodeRecord(kind, key string, b []byte) (mpblock.Record, error) {
	r := Reader{Rest: b}
	rec := mpblock.Record{Kind: kind, Key: key, Version: r.Uint()}
	if ms := r.Uint(); ms != 0 {
		rec.Expires = time.UnixMilli(int64(ms)).UTC() //nolint:gosec // as it was written
	}
	rec.Value = r.Rest
	return rec, r.Err
}
