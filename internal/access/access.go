// Package access holds who may call: accounts and their settings, the prefixes of
// their OpenIDs, their programs, secrets, access tokens, quotas, and how often what was
// called.
//
// It promises that a token is good only as long as the secret with which it was got,
// that no limit of calls is ever exceeded over all nodes, and that what one node
// writes (a rotated secret, a forced refresh) holds there at once and on the others
// within a second. All its state is in the store; the cache in front of it forgets
// within that second.
//
// An account is removed in steps that can be gone on with after any crash (removal.go).
//
// What is on an account's lists, and who works at the console, it leaves to others.
// What it refuses, of callers and of operators, is an *mpblock.Error.
package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/access/quota"
	"mpblock/internal/access/tokens"
	"mpblock/internal/record"
)

// Service has the accounts of a store. Its methods are safe for concurrent use.
type Service struct {
	store    mpblock.Records
	signer   tokens.Signer
	programs *programs.Store
	cache    cache
	reading  singleflight.Group // of the states that the cache lacks
	quotas   *quota.Counter
	calls    callCounts
	removals chan struct{}
	clock    mpblock.Clock
	life     time.Duration // of access tokens
	node     string        // names this process among those that share the store
}

// Open returns the accounts of a store. The key that signs access tokens is read from
// the store, or made there by the first node that opens it.
func Open(ctx context.Context, store mpblock.Records, options ...Option) (*Service, error) {
	key, err := record.SigningKey(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("read the key of the access tokens: %w", err)
	}
	svc := &Service{store: store, signer: tokens.NewSigner(key), node: randomHex(8), life: TokenLife, clock: mpblock.SystemClock{}, removals: make(chan struct{}, 1)}
	for _, set := range options {
		set(svc)
	}
	svc.quotas = quota.New(store, svc.clock)
	svc.programs = &programs.Store{Records: store, Clock: svc.clock}
	return svc, nil
}

// Option is a setting of a Service.
type Option func(*Service)

// WithTokenLife has access tokens live for another time than TokenLife, so that their
// end can be met in a test.
func WithTokenLife(d time.Duration) Option { return func(svc *Service) { svc.life = d } }

// WithClock has another clock than the system's for tokens, quotas and days.
func WithClock(c mpblock.Clock) Option { return func(svc *Service) { svc.clock = mpblock.ClockOr(c) } }

// Close gives back what of the quotas was reserved and not used, and writes down the
// calls that were counted. It does not close the store.
func (svc *Service) Close(ctx context.Context) error {
	return errors.Join(svc.quotas.GiveBack(ctx), svc.writeCalls(ctx), svc.programs.WriteUsed(ctx, true))
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
