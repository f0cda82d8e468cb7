package codec

import (
	"encoding/binary"
	"time"

	"mpblock"
)

// RequestKey is the key of a request that was applied.
func RequestKey(app mpblock.AppID, key [16]byte) []byte {
	return append(AppKey(RequestKeys, app), key[:]...)
}

// EncodeRequest writes a request without its key: content, time and seq.
func EncodeRequest(r mpblock.Request) []byte {
	b := append(make([]byte, 0, len(r.ID.Content)+2*binary.MaxVarintLen64), r.ID.Content[:]...)
	b = binary.AppendVarint(b, r.Time.UnixMilli())
	return binary.AppendUvarint(b, r.Seq)
}

// DecodeRequest reads a request from its key and value.
func DecodeRequest(k, v []byte) (app mpblock.AppID, out mpblock.Request, err error) {
	const appEnd = 1 + mpblock.AppIDLen
	if len(k) != appEnd+len(out.ID.Key) {
		return "", out, ErrDamaged
	}
	copy(out.ID.Key[:], k[appEnd:])
	r := Reader{Rest: v}
	copy(out.ID.Content[:], r.bytes(uint64(len(out.ID.Content))))
	out.Time = time.UnixMilli(r.Int()).UTC()
	out.Seq = r.Uint()
	return mpblock.AppID(k[1:appEnd]), out, r.Err
}
