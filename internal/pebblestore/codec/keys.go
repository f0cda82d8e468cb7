package codec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"mpblock"
)

// The first bytes of the keys; see the package comment of pebblestore.
const (
	EntryKeys    = 'b'
	ChangeKeys   = 'c'
	EndKeys      = 'e'
	FollowerKeys = 'f'
	RequestKeys  = 'i'
	RecordKeys   = 'r'
	FormerKeys   = 'u'
	UndoneKeys   = 'x'
)

// VersionKey is that of the version of the layout.
var VersionKey = []byte("\x00version")

const (
	maxKeyLen = 1 + mpblock.AppIDLen + mpblock.OpenIDLen
)

// AppKey is what all keys of a kind and an account begin with.
func AppKey(kind byte, app mpblock.AppID) []byte {
	return append(append(make([]byte, 0, maxKeyLen), kind), app...)
}

// HeadKey is the key of what an account has one of.
func HeadKey(kind byte, app mpblock.AppID) []byte { return append(AppKey(kind, app), 0) }

// OpenIDKey is the key of what an account has one of for an OpenID.
func OpenIDKey(kind byte, app mpblock.AppID, id mpblock.OpenID) []byte {
	return append(AppKey(kind, app), id[:]...)
}

// IDKey makes the keys of one kind and account, one at a time: each call
// of its method writes over the key before.
type IDKey []byte

// NewIDKey returns an IDKey.
func NewIDKey(kind byte, app mpblock.AppID) IDKey {
	return AppKey(kind, app)[:maxKeyLen]
}

// Of returns the key of an OpenID, which is good until the next one is made.
func (k IDKey) Of(id *mpblock.OpenID) []byte {
	copy(k[maxKeyLen-mpblock.OpenIDLen:], id[:])
	return k
}

// ChangeKey is the key of a change.
func ChangeKey(app mpblock.AppID, seq uint64) []byte { return SeqKey(ChangeKeys, app, seq) }

// SeqKey is the key of what an account has one of for a change.
func SeqKey(kind byte, app mpblock.AppID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(AppKey(kind, app), seq)
}

// RecordKey is the key of a record.
func RecordKey(kind, key string) []byte {
	return slices.Concat([]byte{RecordKeys}, []byte(kind), []byte{0}, []byte(key))
}

// After returns the smallest key above all that begin with k.
func After(k []byte) []byte {
	end := slices.Clone(k)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// CheckApp refuses an AppID that would not fit the layout.
func CheckApp(app mpblock.AppID) error {
	if len(app) != mpblock.AppIDLen {
		return fmt.Errorf("pebblestore: AppID %q of %d bytes, want %d", app, len(app), mpblock.AppIDLen)
	}
	return nil
}

// The parts of the key of an end, which are in the order of mpblock.DueEnd.
const (
	endApp = 1 + 8
	endID  = endApp + mpblock.AppIDLen
	endLen = endID + mpblock.OpenIDLen
)

// EndKey is the key of an end.
func EndKey(ms int64, app mpblock.AppID, id mpblock.OpenID) []byte {
	k := append(make([]byte, 0, endLen), EndKeys)
	k = binary.BigEndian.AppendUint64(k, uint64(max(ms, 0)))
	k = append(k, app...)
	return append(k, id[:]...)
}

// DecodeEnd reads the key of an end.
func DecodeEnd(k []byte) (d mpblock.DueEnd, err error) {
	if len(k) != endLen {
		return d, ErrDamaged
	}
	d.Until = mpblock.EndAt(int64(binary.BigEndian.Uint64(k[1:]))) //nolint:gosec // as it was written
	d.AppID, d.OpenID = mpblock.AppID(k[endApp:endID]), mpblock.OpenID(k[endID:])
	return d, nil
}

// EndKeysAfter returns the first key behind an end, or of all where that is zero, and the
// first behind those of a time.
func EndKeysAfter(from mpblock.DueEnd, until time.Time) (lower, upper []byte) {
	lower, upper = []byte{EndKeys}, EndKey(until.UnixMilli()+1, "", mpblock.OpenID{})[:endApp]
	if !from.Until.IsZero() {
		lower = append(EndKey(from.Until.UnixMilli(), from.AppID, from.OpenID), 0)
	}
	return lower, upper
}
