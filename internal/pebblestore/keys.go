package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"mpblock"
)

// The first bytes of the keys; see the package comment.
const (
	entryKeys    = 'b'
	changeKeys   = 'c'
	followerKeys = 'f'
	recordKeys   = 'r'
	formerKeys   = 'u'
	undoneKeys   = 'x'
)

var versionKey = []byte("\x00version")

const (
	maxKeyLen = 1 + mpblock.AppIDLen + mpblock.OpenIDLen
)

func appKey(kind byte, app mpblock.AppID) []byte {
	return append(append(make([]byte, 0, maxKeyLen), kind), app...)
}

func headKey(kind byte, app mpblock.AppID) []byte { return append(appKey(kind, app), 0) }

func openIDKey(kind byte, app mpblock.AppID, id mpblock.OpenID) []byte {
	return append(appKey(kind, app), id[:]...)
}

// idKey makes the keys of one kind and account, one at a time: each call
// of its method writes over the key before.
type idKey []byte

func newIDKey(kind byte, app mpblock.AppID) idKey {
	return appKey(kind, app)[:maxKeyLen]
}

func (k idKey) of(id *mpblock.OpenID) []byte {
	copy(k[maxKeyLen-mpblock.OpenIDLen:], id[:])
	return k
}

func changeKey(app mpblock.AppID, seq uint64) []byte { return seqKey(changeKeys, app, seq) }

func seqKey(kind byte, app mpblock.AppID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(appKey(kind, app), seq)
}

func recordKey(kind, key string) []byte {
	return slices.Concat([]byte{recordKeys}, []byte(kind), []byte{0}, []byte(key))
}

// after returns the smallest key above all that begin with k.
func after(k []byte) []byte {
	end := slices.Clone(k)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// checkApp refuses an AppID that would not fit the layout.
func checkApp(app mpblock.AppID) error {
	if len(app) != mpblock.AppIDLen {
		return fmt.Errorf("pebblestore: AppID %q of %d bytes, want %d", app, len(app), mpblock.AppIDLen)
	}
	return nil
}

// head is the state of an account's lists beside the lists themselves.
type head struct {
	total     uint64 // of the blacklist
	seq       uint64 // of the last change
	time      int64  // of the last change
	unblocks  uint64 // changes that unblocked: without one there are no former entries
	followers uint64
}

func (h head) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 4*binary.MaxVarintLen64), h.total)
	b = binary.AppendUvarint(b, h.seq)
	b = binary.AppendVarint(b, h.time)
	return binary.AppendUvarint(b, h.unblocks)
}

// reader takes a value apart; its err is set at the first thing that is missing.
type reader struct {
	b   []byte
	err error
}

var errDamaged = errors.New("pebblestore: a value on the disk is damaged; mpblock check names the account")

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err = errDamaged
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.err = errDamaged
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.err = errDamaged
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (h *head) decode(b []byte) error {
	r := reader{b: b}
	h.total, h.seq, h.time, h.unblocks = r.uint(), r.uint(), r.int(), r.uint()
	return r.err
}

func encodeUint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

func decodeUint(b []byte) (uint64, error) {
	r := reader{b: b}
	v := r.uint()
	return v, r.err
}

// encodeLast writes what an entry or a former entry holds: the seq of the last change,
// and that of the change it belongs to, if it is another one than usual.
func encodeLast(seq, since, usual uint64) []byte {
	b := encodeUint(seq)
	if since != usual {
		b = binary.AppendUvarint(b, since)
	}
	return b
}

// decodeLast reads what encodeLast has written; since is 0 where it is the usual one.
func decodeLast(b []byte) (seq, since uint64, err error) {
	r := reader{b: b}
	if seq = r.uint(); len(r.b) > 0 {
		since = r.uint()
	}
	return seq, since, r.err
}

func encodeRecord(r mpblock.Record) []byte {
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

// decodeRecord reads a record. Its value is where it lies.
func decodeRecord(kind, key string, b []byte) (mpblock.Record, error) {
	r := reader{b: b}
	rec := mpblock.Record{Kind: kind, Key: key, Version: r.uint()}
	if ms := r.uint(); ms != 0 {
		rec.Expires = time.UnixMilli(int64(ms)).UTC() //nolint:gosec // as it was written
	}
	rec.Value = r.b
	return rec, r.err
}
