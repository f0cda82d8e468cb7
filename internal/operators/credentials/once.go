package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"
)

// Once is what is kept of a token that is good once. Whoever keeps it spends it in the
// same write as what it is spent on.
type Once struct {
	Hash    string `json:"hash,omitempty"`
	Expires int64  `json:"expires,omitempty"` // Unix milliseconds
}

// Renew makes a token that is good for a while; the one before it is good no more.
func (o *Once) Renew(now time.Time, life time.Duration) (token string) {
	token = rand.Text()
	o.Hash, o.Expires = HashToken(token), now.Add(life).UnixMilli()
	return token
}

// Good tells whether a token is this one, and neither spent nor over.
func (o *Once) Good(token string, now time.Time) bool {
	return now.UnixMilli() < o.Expires && o.Is(token)
}

// Is tells whether a token is this one, spent or not.
func (o *Once) Is(token string) bool {
	return o.Hash != "" && subtle.ConstantTimeCompare([]byte(o.Hash), []byte(HashToken(token))) == 1
}

// HashToken returns what is kept of a token.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
