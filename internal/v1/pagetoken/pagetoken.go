// Package pagetoken makes the tokens of pages: where a page begins, signed together with
// what the pages are of, so that a token is good for nothing else.
package pagetoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// macLen is how much of a token says that it is ours.
const macLen = 16

// Seal returns the token of the page behind a place in a list as of a revision. What it is
// bound to is to be given when it is opened.
func Seal(key []byte, bound []string, revision uint64, after string) string {
	payload := append(binary.AppendUvarint(nil, revision), after...)
	return base64.RawURLEncoding.EncodeToString(append(mac(key, bound, payload), payload...))
}

// Open reads a token. One that was forged, or is bound to something else, is not ok.
func Open(key []byte, bound []string, token string) (revision uint64, after string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < macLen || !hmac.Equal(raw[:macLen], mac(key, bound, raw[macLen:])) {
		return 0, "", false
	}
	revision, n := binary.Uvarint(raw[macLen:])
	return revision, string(raw[macLen+n:]), n > 0
}

func mac(key []byte, bound []string, payload []byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range append([]string{"page token of the native API"}, bound...) {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(payload)
	return h.Sum(nil)[:macLen]
}
