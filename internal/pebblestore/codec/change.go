package codec

import (
	"cmp"
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

// Effect is an OpenID on which a change took effect, and the seq of the change
// before it that took effect on the same OpenID, 0 if there was none. So each
// change is part of the history of each of its OpenIDs, which needs no keys of
// its own.
type Effect struct {
	ID       mpblock.OpenID
	Previous uint64
	Since    uint64 // the change that the entry belongs to, which is not written; 0: this one
	Before   uint64 // of an amend, the change that the entry belonged to before
	Until    int64  // when the entry ends, in milliseconds, which is not written; 0: never
	Ended    int64  // when it would have ended before, likewise
}

// Further fields of a change, by their first byte.
const (
	fieldUndoes = 1
	fieldUntil  = 2
)

// EncodeChange writes a change without its seq: form, action, time, actor, reason, and
// further fields (each of these three with its length before it; of a field its first
// byte, its length and its value); the number of OpenIDs, how many bytes all of them
// begin with, those bytes, and what follows of each; for each of them the seq of the
// change before; and of an amend, for each of them the change that the entry belonged to
// before, 0 where that is the change before.
func EncodeChange(c mpblock.Change, effects []Effect) []byte {
	b := make([]byte, 0, 32+len(c.Actor)+len(c.Reason)+len(effects)*(packedLen+2))
	b = append(b, packedChange, byte(c.Action))
	b = binary.AppendVarint(b, c.Time.UnixMilli())
	b = append(binary.AppendUvarint(b, uint64(len(c.Actor))), c.Actor...)
	b = append(binary.AppendUvarint(b, uint64(len(c.Reason))), c.Reason...)
	b = appendFields(b, c)
	b = binary.AppendUvarint(b, uint64(len(effects)))
	b = appendOpenIDs(b, effects)
	for i := range effects {
		b = binary.AppendUvarint(b, effects[i].Previous)
	}
	for i := range effects {
		if c.Action == mpblock.Amend {
			before := effects[i].Before
			if before == effects[i].Previous {
				before = 0
			}
			b = binary.AppendUvarint(b, before)
		}
	}
	return b
}

func appendFields(b []byte, c mpblock.Change) []byte {
	length := len(b)
	b = append(b, 0)
	for _, f := range []struct {
		kind  byte
		value uint64
	}{{fieldUndoes, c.Undoes}, {fieldUntil, uint64(mpblock.EndMilli(c.Until))}} { //nolint:gosec // Batch.Validate: it is after 1970
		if f.value != 0 {
			value := EncodeUint(f.value)
			b = append(append(b, f.kind, byte(len(value))), value...) //nolint:gosec // at most 10
		}
	}
	b[length] = byte(len(b) - length - 1) //nolint:gosec // at most 24
	return b
}

// fields reads further fields of a change. Those that this layout does not know are
// passed over.
func (r *Reader) fields(c *mpblock.Change) {
	f := Reader{Rest: r.bytes(r.Uint()), Err: r.Err}
	for f.Err == nil && len(f.Rest) > 0 {
		kind, value := f.Uint(), Reader{Rest: f.bytes(f.Uint()), Err: f.Err}
		switch {
		case f.Err != nil:
		case kind == fieldUndoes:
			c.Undoes, f.Err = value.Uint(), value.Err
		case kind == fieldUntil:
			c.Until, f.Err = mpblock.EndAt(int64(value.Uint())), value.Err //nolint:gosec // as it was written
		}
	}
	r.Err = f.Err
}

func appendOpenIDs(b []byte, effects []Effect) []byte {
	packed := make([]byte, len(effects)*packedLen)
	shared := packedLen
	for i := range effects {
		p := packed[i*packedLen:][:packedLen]
		if n, err := packing.Decode(p, effects[i].ID[:]); err != nil || n != packedLen { // line breaks are passed over
			b = append(b, notPacked)
			for i := range effects {
				b = append(b, effects[i].ID[:]...)
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

// OpenIDs are those of a change, as they lie.
type OpenIDs struct {
	N      int // how many
	plain  bool
	shared int             // bytes that all begin with, if packed
	packed [packedLen]byte // begins with those, and has room for what follows
	rest   []byte          // one after the other
}

// At returns one of them.
func (l *OpenIDs) At(i int) (id mpblock.OpenID) {
	l.read(i, &id)
	return id
}

func (l *OpenIDs) read(i int, id *mpblock.OpenID) {
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

// UpTo returns how many do not come behind an OpenID.
func (l *OpenIDs) UpTo(id mpblock.OpenID) int {
	return sort.Search(l.N, func(i int) bool { return l.At(i).Compare(id) > 0 })
}

// openIDs reads those of a change.
func (r *Reader) openIDs(form byte) (l OpenIDs) {
	n := r.Uint()
	if n > mpblock.MaxWrite {
		r.Err = ErrDamaged
		return l
	}
	l.N, l.plain = int(n), form == plainChange
	if !l.plain {
		head := r.bytes(1)
		switch {
		case r.Err != nil:
			return OpenIDs{}
		case head[0] == notPacked:
			l.plain = true
		case head[0] > packedLen:
			r.Err = ErrDamaged
			return OpenIDs{}
		default:
			l.shared = copy(l.packed[:], r.bytes(uint64(head[0])))
		}
	}
	size := packedLen - l.shared
	if l.plain {
		size = mpblock.OpenIDLen
	}
	if l.rest = r.bytes(n * uint64(size)); r.Err != nil {
		return OpenIDs{}
	}
	return l
}

// DecodeChange reads a change.
func DecodeChange(seq uint64, b []byte) (mpblock.Change, error) {
	c, ids, r := DecodeChangeHead(seq, b)
	c.OpenIDs = make([]mpblock.OpenID, ids.N)
	for i := range c.OpenIDs {
		ids.read(i, &c.OpenIDs[i])
		r.Uint()
	}
	for range c.OpenIDs {
		if c.Action == mpblock.Amend {
			r.Uint()
		}
	}
	if len(r.Rest) > 0 {
		return c, ErrDamaged
	}
	return c, r.Err
}

// PreviousOf returns the seq of the change before a change of one of its OpenIDs.
func PreviousOf(seq uint64, b []byte, id mpblock.OpenID) (uint64, error) {
	_, ids, r := DecodeChangeHead(seq, b)
	n := ids.UpTo(id)
	if n == 0 || ids.At(n-1) != id {
		return 0, ErrDamaged
	}
	for range n - 1 {
		r.Uint()
	}
	previous := r.Uint()
	if previous >= seq {
		return 0, ErrDamaged
	}
	return previous, r.Err
}

// BelongedTo returns for some OpenIDs of a change, in byte order, the change that their
// entries belonged to before: of an amend it is written, of another it is the change
// before, if none of them was given back by an undo.
func BelongedTo(seq uint64, b []byte, of []Effect) (action mpblock.Action, since []uint64, err error) {
	c, ids, r := DecodeChangeHead(seq, b)
	since = make([]uint64, 0, len(of))
	at := make([]int, 0, len(of))
	for i := range ids.N {
		previous := r.Uint()
		if len(at) < len(of) && of[len(at)].ID == ids.At(i) {
			at, since = append(at, i), append(since, previous)
		}
	}
	if len(at) < len(of) && r.Err == nil {
		r.Err = ErrDamaged
	}
	next := 0
	for i := 0; i < ids.N && c.Action == mpblock.Amend && r.Err == nil; i++ {
		before := r.Uint()
		if next < len(at) && at[next] == i {
			since[next] = cmp.Or(before, since[next])
			next++
		}
	}
	return c.Action, since, r.Err
}

// DecodeChangeHead reads a change up to its OpenIDs. Errors are in the Reader, which
// goes on behind them.
func DecodeChangeHead(seq uint64, b []byte) (c mpblock.Change, ids OpenIDs, r Reader) {
	r.Rest = b
	start := r.bytes(2)
	if r.Err != nil || start[0] != plainChange && start[0] != packedChange {
		r.Err = ErrDamaged
		return c, ids, r
	}
	c = mpblock.Change{Seq: seq, Action: mpblock.Action(start[1])}
	c.Time = time.UnixMilli(r.Int()).UTC()
	c.Actor = string(r.bytes(r.Uint()))
	c.Reason = string(r.bytes(r.Uint()))
	if start[0] == packedChange {
		r.fields(&c)
	}
	return c, r.openIDs(start[0]), r
}

// PackChange returns a change of the older layout in this one's form, nil if it is none.
func PackChange(seq uint64, v []byte) []byte {
	if len(v) == 0 || v[0] != plainChange {
		return nil
	}
	c, ids, r := DecodeChangeHead(seq, v)
	effects := make([]Effect, ids.N)
	for i := range effects {
		effects[i] = Effect{ID: ids.At(i), Previous: r.Uint()}
	}
	if r.Err != nil || len(r.Rest) > 0 {
		return nil
	}
	return EncodeChange(c, effects)
}
