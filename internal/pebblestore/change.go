package pebblestore

import (
	"encoding/base64"
	"encoding/binary"
	"sort"
	"time"

	"mpblock"
)

// The forms of a change, by its first byte.
const (
	plainChange  = 1 // of layout 2, and read by this one
	packedChange = 2
)

// packing writes 28 characters of base64url as the 21 bytes that they hold. Its alphabet
// is in the order of the characters, so the bytes are in the order of the OpenIDs, and
// what the first and the last begin with all between them do.
var packing = base64.NewEncoding(packingAlphabet).WithPadding(base64.NoPadding)

const packingAlphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// pairs are two characters for each 12 bits: base64 alone would slow down who reads a log.
var pairs = func() (p [1 << 12]uint32) {
	for i := range p {
		p[i] = uint32(packingAlphabet[i>>6])<<8 | uint32(packingAlphabet[i&63])
	}
	return p
}()

const packedLen = mpblock.OpenIDLen * 6 / 8

// notPacked stands for the length of what OpenIDs share, where some are not of those
// characters: all are as they are then.
const notPacked = 0xff

// effect is an OpenID on which a change took effect, and the seq of the change
// before it that took effect on the same OpenID, 0 if there was none. So each
// change is part of the history of each of its OpenIDs, which needs no keys of
// its own.
type effect struct {
	id       mpblock.OpenID
	previous uint64
	since    uint64 // the change that the entry belongs to, which is not written; 0: this one
}

// Further fields of a change, by their first byte.
const fieldUndoes = 1

// encodeChange writes a change without its seq: form, action, time, actor, reason, and
// further fields (each of these three with its length before it; of a field its first
// byte, its length and its value); the number of OpenIDs, how many bytes all of them
// begin with, those bytes, and what follows of each; and for each of them the seq of the
// change before.
func encodeChange(c mpblock.Change, effects []effect) []byte {
	b := make([]byte, 0, 32+len(c.Actor)+len(c.Reason)+len(effects)*(packedLen+2))
	b = append(b, packedChange, byte(c.Action))
	b = binary.AppendVarint(b, c.Time.UnixMilli())
	b = append(binary.AppendUvarint(b, uint64(len(c.Actor))), c.Actor...)
	b = append(binary.AppendUvarint(b, uint64(len(c.Reason))), c.Reason...)
	b = appendFields(b, c)
	b = binary.AppendUvarint(b, uint64(len(effects)))
	b = appendOpenIDs(b, effects)
	for i := range effects {
		b = binary.AppendUvarint(b, effects[i].previous)
	}
	return b
}

func appendFields(b []byte, c mpblock.Change) []byte {
	if c.Undoes == 0 {
		return append(b, 0)
	}
	undoes := encodeUint(c.Undoes)
	b = append(b, byte(2+len(undoes)), fieldUndoes, byte(len(undoes))) //nolint:gosec // at most 12
	return append(b, undoes...)
}

// fields reads further fields of a change. Those that this layout does not know are
// passed over.
func (r *reader) fields(c *mpblock.Change) {
	f := reader{b: r.bytes(r.uint()), err: r.err}
	for f.err == nil && len(f.b) > 0 {
		kind, value := f.uint(), reader{b: f.bytes(f.uint()), err: f.err}
		if f.err == nil && kind == fieldUndoes {
			c.Undoes, f.err = value.uint(), value.err
		}
	}
	r.err = f.err
}

func appendOpenIDs(b []byte, effects []effect) []byte {
	packed := make([]byte, len(effects)*packedLen)
	shared := packedLen
	for i := range effects {
		p := packed[i*packedLen:][:packedLen]
		if n, err := packing.Decode(p, effects[i].id[:]); err != nil || n != packedLen { // line breaks are passed over
			b = append(b, notPacked)
			for i := range effects {
				b = append(b, effects[i].id[:]...)
			}
			return b
		}
		for n := range shared {
			if p[n] != packed[n] {
				shared = n
				break
			}
		}
	}
	b = append(b, byte(shared))
	if len(effects) > 0 {
		b = append(b, packed[:shared]...)
	}
	for ; len(packed) > 0; packed = packed[packedLen:] {
		b = append(b, packed[shared:packedLen]...)
	}
	return b
}

// openIDs are those of a change, as they lie.
type openIDs struct {
	n      int
	plain  bool
	shared int             // bytes that all begin with, if packed
	packed [packedLen]byte // begins with those, and has room for what follows
	rest   []byte          // one after the other
}

func (l *openIDs) at(i int) (id mpblock.OpenID) {
	l.read(i, &id)
	return id
}

func (l *openIDs) read(i int, id *mpblock.OpenID) {
	if l.plain {
		*id = mpblock.OpenID(l.rest[i*mpblock.OpenIDLen:])
		return
	}
	copy(l.packed[l.shared:], l.rest[i*(packedLen-l.shared):])
	for i := range packedLen / 3 {
		v := uint(l.packed[3*i])<<16 | uint(l.packed[3*i+1])<<8 | uint(l.packed[3*i+2])
		binary.BigEndian.PutUint32(id[4*i:], pairs[v>>12]<<16|pairs[v&0xfff])
	}
}

// upTo returns how many do not come behind an OpenID.
func (l *openIDs) upTo(id mpblock.OpenID) int {
	return sort.Search(l.n, func(i int) bool { return l.at(i).Compare(id) > 0 })
}

// openIDs reads those of a change.
func (r *reader) openIDs(form byte) (l openIDs) {
	n := r.uint()
	if n > mpblock.MaxWrite {
		r.err = errDamaged
		return l
	}
	l.n, l.plain = int(n), form == plainChange
	if !l.plain {
		head := r.bytes(1)
		switch {
		case r.err != nil:
			return openIDs{}
		case head[0] == notPacked:
			l.plain = true
		case head[0] > packedLen:
			r.err = errDamaged
			return openIDs{}
		default:
			l.shared = copy(l.packed[:], r.bytes(uint64(head[0])))
		}
	}
	size := packedLen - l.shared
	if l.plain {
		size = mpblock.OpenIDLen
	}
	if l.rest = r.bytes(n * uint64(size)); r.err != nil {
		return openIDs{}
	}
	return l
}

// decodeChange reads a change.
func decodeChange(seq uint64, b []byte) (mpblock.Change, error) {
	c, ids, r := decodeChangeHead(seq, b)
	c.OpenIDs = make([]mpblock.OpenID, ids.n)
	for i := range c.OpenIDs {
		ids.read(i, &c.OpenIDs[i])
		r.uint()
	}
	if len(r.b) > 0 {
		return c, errDamaged
	}
	return c, r.err
}

// previousOf returns the seq of the change before a change of one of its OpenIDs.
func previousOf(seq uint64, b []byte, id mpblock.OpenID) (uint64, error) {
	_, ids, r := decodeChangeHead(seq, b)
	n := ids.upTo(id)
	if n == 0 || ids.at(n-1) != id {
		return 0, errDamaged
	}
	for range n - 1 {
		r.uint()
	}
	previous := r.uint()
	if previous >= seq {
		return 0, errDamaged
	}
	return previous, r.err
}

// decodeChangeHead reads a change up to its OpenIDs. Errors are in the reader, which
// goes on behind them.
func decodeChangeHead(seq uint64, b []byte) (c mpblock.Change, ids openIDs, r reader) {
	r.b = b
	start := r.bytes(2)
	if r.err != nil || start[0] != plainChange && start[0] != packedChange {
		r.err = errDamaged
		return c, ids, r
	}
	c = mpblock.Change{Seq: seq, Action: mpblock.Action(start[1])}
	c.Time = time.UnixMilli(r.int()).UTC()
	c.Actor = string(r.bytes(r.uint()))
	c.Reason = string(r.bytes(r.uint()))
	if start[0] == packedChange {
		r.fields(&c)
	}
	return c, r.openIDs(start[0]), r
}
