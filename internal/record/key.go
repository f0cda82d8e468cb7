package record

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"mpblock"
)

// keys are the keys that a store keeps.
const (
	keys       = Kind[[]byte]("key")
	signingKey = "token"
)

// SigningKey returns the key by which what a store's nodes have given out is known
// again: access tokens, tickets. It is made by the first node that asks; of several
// that do so at once, one wins.
func SigningKey(ctx context.Context, store mpblock.Records) ([]byte, error) {
	e, err := keys.Edit(ctx, store, signingKey, func(e *Entry[[]byte]) error {
		if e.Version != 0 {
			return ErrKeep
		}
		e.Value = make([]byte, 32)
		_, _ = rand.Read(e.Value) // never fails
		return nil
	})
	return e.Value, err
}

// Answers tells whether a store answers, by its signing key, which it must hold.
func Answers(ctx context.Context, store mpblock.Records) error {
	_, err := keys.Get(ctx, store, signingKey)
	return err
}

// Fingerprint returns what tells the platform in a store from every other: a hash of
// its signing key. A store in which there is no platform yet is mpblock.ErrNotFound.
func Fingerprint(ctx context.Context, store mpblock.Records) ([]byte, error) {
	e, err := keys.Get(ctx, store, signingKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("mpblock platform "), e.Value...))
	return sum[:], nil
}
