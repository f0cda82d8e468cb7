package upstream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"mpblock"
	"mpblock/internal/upstream/source"
)

// Seal keeps secrets at rest from whoever has the store and not the key: a backup without
// the key gives none away.
type Seal struct{ aead cipher.AEAD }

// sealKeyLen is the length of a key in bytes: AES-256.
const sealKeyLen = 32

// NewSeal returns a seal with a key of 32 bytes.
func NewSeal(key []byte) (*Seal, error) {
	if len(key) != sealKeyLen {
		return nil, fmt.Errorf("a seal key has %d bytes, not %d", len(key), sealKeyLen)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Seal{aead}, nil
}

// SealFile returns a seal with the key in a file: 64 hexadecimal digits. Where there is no
// file and create is set, one is made that its owner alone can read.
func SealFile(name string, create bool) (*Seal, error) {
	text, err := os.ReadFile(name) //nolint:gosec // whoever starts the server names it
	if errors.Is(err, fs.ErrNotExist) && create {
		key := newKey()
		text = []byte(hex.EncodeToString(key) + "\n")
		err = writeNew(name, text)
	}
	if err != nil {
		return nil, fmt.Errorf("the key that seals secrets: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
	if err != nil || len(key) != sealKeyLen {
		return nil, fmt.Errorf("the key that seals secrets: %s does not hold %d hexadecimal digits; make one with: openssl rand -hex %d", name, 2*sealKeyLen, sealKeyLen)
	}
	return NewSeal(key)
}

func newKey() []byte {
	key := make([]byte, sealKeyLen)
	_, _ = rand.Read(key) // never fails
	return key
}

// writeNew writes a file that is not there yet, durably.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // likewise
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

var errUnsealed = mpblock.NewError(mpblock.Unavailable, "upstream.unsealed", "the secret of %s was sealed with another key: start the server with that key, or set the secret anew")

// seal returns a secret that only the same key opens, and only for the same account.
func (s *Seal) seal(app mpblock.AppID, secret string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, []byte(secret), []byte(app))
}

func (s *Seal) open(app mpblock.AppID, sealed []byte) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errUnsealed.With(app)
	}
	secret, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(app))
	if err != nil {
		return "", errUnsealed.With(app)
	}
	return string(secret), nil
}

// sealSpec seals where an account's tokens come from.
func (s *Seal) sealSpec(app mpblock.AppID, tokens source.Spec) ([]byte, error) {
	text, err := json.Marshal(tokens) //nolint:gosec // to be sealed
	return s.seal(app, string(text)), err
}

// openSpec returns where an account's tokens come from. The first records have the secret
// alone, and whether it is for plain tokens beside it.
func (s *Seal) openSpec(app mpblock.AppID, u Upstream) (source.Spec, error) {
	text, err := s.open(app, u.Secret)
	if err != nil {
		return source.Spec{}, err
	}
	if !strings.HasPrefix(text, "{") {
		return source.Spec{Secret: text, Plain: u.Plain}, nil
	}
	var tokens source.Spec
	err = json.Unmarshal([]byte(text), &tokens)
	return tokens, err
}
