package pebblestore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
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

func (h *head) decode(b []byte) error {
	r := codec.Reader{Rest: b}
	h.total, h.seq, h.time, h.unblocks = r.Uint(), r.Uint(), r.Int(), r.Uint()
	return r.Err
}
