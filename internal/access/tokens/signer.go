package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"

	"mpblock"
)

// Claims are what a token says of itself.
type Claims struct {
	App     mpblock.AppID
	Program []byte // the name of the program that got it; empty: it was got with the account's own secret
	Kind    byte
	Epoch   uint64
	Serial  uint64
	Expires int64 // Unix milliseconds
}

// Signer makes and reads the text of tokens: base64url of a version, the claims
// and their HMAC-SHA256.
type Signer struct {
	macs *sync.Pool // of hash.Hash with the key, which is half of the work
}

// NewSigner returns the signer with a key.
func NewSigner(key []byte) Signer {
	return Signer{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Versions of the claims: those of a program have its name at their end.
const (
	ofAccount = 1
	ofProgram = 2
)

const (
	claimsLen = 2 + 8 + 3*8
	shortest  = claimsLen + sha256.Size
	longest   = shortest + MaxProgram
)

// MaxProgram is how many bytes the name of a program has at most.
const MaxProgram = 32

// Sign returns the text of a token.
func (s Signer) Sign(c Claims) string {
	version := byte(ofAccount)
	if len(c.Program) > 0 {
		version = ofProgram
	}
	b := make([]byte, 0, longest)
	b = append(b, version, c.Kind)
	b, err := hex.AppendDecode(b, []byte(c.App[2:]))
	if err != nil {
		panic(err) // an AppID is wx and hexadecimal digits
	}
	b = binary.BigEndian.AppendUint64(b, c.Epoch)
	b = binary.BigEndian.AppendUint64(b, c.Serial)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Expires)) //nolint:gosec // after 1970
	b = append(b, c.Program...)
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...))
}

// Read returns the claims of a token that this signer signed.
func (s Signer) Read(token string) (Claims, bool) {
	if len(token) > base64.RawURLEncoding.EncodedLen(longest) {
		return Claims{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < shortest || base64.RawURLEncoding.EncodedLen(len(b)) != len(token) { // there were line breaks in it
		return Claims{}, false
	}
	b, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	program := b[claimsLen:]
	version := byte(ofAccount)
	if len(program) > 0 {
		version = ofProgram
	}
	if !hmac.Equal(mac, s.mac(b)) || b[0] != version {
		return Claims{}, false
	}
	return Claims{
		Kind:    b[1],
		App:     mpblock.AppID("wx" + hex.EncodeToString(b[2:10])),
		Epoch:   binary.BigEndian.Uint64(b[10:]),
		Serial:  binary.BigEndian.Uint64(b[18:]),
		Expires: int64(binary.BigEndian.Uint64(b[26:])), //nolint:gosec // as it was signed
		Program: program,
	}, true
}

func (s Signer) mac(b []byte) []byte {
	h := s.macs.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	defer s.macs.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(nil)
}
