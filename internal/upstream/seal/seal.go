// Package seal keeps secrets at rest from whoever has the store and not the key: a backup
// without the key gives none away. Whose the secrets are, it leaves to others.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"mpblock"
)

// Seal seals with one key, and opens what was sealed with it.
type Seal struct{ aead cipher.AEAD }

// keyLen is the length of a key in bytes: AES-256.
const keyLen = 32

// New returns a seal with a key of 32 bytes.
func New(key []byte) (*Seal, error) {
	if len(key) != keyLen {
		return nil, fmt.Errorf("a seal key has %d bytes, not %d", len(key), keyLen)
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

// File returns a seal with the key in a file: 64 hexadecimal digits. Where there is no
// file and create is set, one is made that its owner alone can read.
func File(name string, create bool) (*Seal, error) {
	text, err := os.ReadFile(name) //nolint:gosec // whoever starts the server names it
	if errors.Is(err, fs.ErrNotExist) && create {
		key := NewKey()
		text = []byte(hex.EncodeToString(key) + "\n")
		err = writeNew(name, text)
	}
	if err != nil {
		return nil, fmt.Errorf("the key that seals secrets: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
	if err != nil || len(key) != keyLen {
		return nil, fmt.Errorf("the key that seals secrets: %s does not hold %d hexadecimal digits; make one with: openssl rand -hex %d", name, 2*keyLen, keyLen)
	}
	return New(key)
}

// NewKey returns a key at random.
func NewKey() []byte {
	key := make([]byte, keyLen)
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

// ErrKey is the error of what was sealed with another key, or is damaged.
var ErrKey = mpblock.NewError(mpblock.Unavailable, "upstream.unsealed", "the secret of %s was sealed with another key: start the server with that key, or set the secret anew")

// Seal returns a secret that only the same key opens, and only for the same account.
func (s *Seal) Seal(app mpblock.AppID, secret string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, []byte(secret), []byte(app))
}

// Open returns a secret that was sealed for an account, or ErrKey.
func (s *Seal) Open(app mpblock.AppID, sealed []byte) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", ErrKey.With(app)
	}
	secret, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(app))
	if err != nil {
		return "", ErrKey.With(app)
	}
	return string(secret), nil
}
