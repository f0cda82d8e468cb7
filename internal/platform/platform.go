// Package platform holds the rules of the platform, once, for every door: whose
// an OpenID is, how many may be changed at a time, who may call what and how
// often, and which access tokens are good. It speaks the domain's terms, keeps
// all its state in the store, and leaves JSON and HTTP to the doors.
//
// Several platforms may share one store, each on a node of its own. What one of
// them writes (a rotated secret, a forced refresh) holds there at once and on the
// others within a second.
//
// Every error it returns is a Refusal of what an operator asked for, or is, or
// becomes through mpblock.Internal, an *mpblock.Error with one of the platform's
// return codes.
package platform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"mpblock"
)

// MaxList is how many OpenIDs one call of the API may block or unblock, as the
// platform's documentation has it.
const MaxList = 20

// MaxPageSize is how many OpenIDs one call of the API may list, as the
// platform's documentation has it.
const MaxPageSize = 10_000

// KindAccount is the kind of the records of accounts; their keys are AppIDs.
const KindAccount = "account"

// The other kinds of records that the platform keeps.
const (
	kindPrefix = "prefix" // key: prefix of OpenIDs; value: the AppID that took it
	kindKey    = "key"    // key: keyToken
	kindToken  = "token"  // key: AppID
	kindQuota  = "quota"  // key: AppID, call and window
)

const keyToken = "token"

// Options are the settings of a Platform.
type Options struct {
	// PageSize is how many OpenIDs a call lists, 1 to MaxPageSize; 0 means
	// MaxPageSize.
	PageSize int
}

// Platform applies the rules to a store. Its methods are safe for concurrent use.
type Platform struct {
	store    mpblock.Store
	pageSize int
	signer   signer
	cache    cache
	quotas   quotas
	hasher   hasher
	calls    callCounts
	node     string        // names this process among those that share the store
	drafting chan struct{} // held while a list is read: one takes up to 64 MB
	jobs     chan struct{} // has a word in it when a job was started here
	running  sync.Map      // ids of the jobs that this node runs
	chunk    int           // OpenIDs of a list that a job changes at once
}

// Refusal is the error of a request by an operator that is refused: an account
// that exists already, a setting that makes no sense. It says what is wrong and
// what to do.
type Refusal string

// Error returns the text.
func (r Refusal) Error() string { return string(r) }

// Refused is a Refusal in its parts, for doors that speak more than one language:
// Format names the message, and a translation of it takes the same Args. It wraps
// the Refusal.
type Refused struct {
	Format string
	Args   []any
}

// Error returns the text in English.
func (r *Refused) Error() string { return fmt.Sprintf(r.Format, r.Args...) }

// Unwrap returns the text as a Refusal.
func (r *Refused) Unwrap() error { return Refusal(r.Error()) }

func refuse(format string, args ...any) error { return &Refused{Format: format, Args: args} }

// Open returns a Platform on a store. The key that signs access tokens is read
// from the store, or made there by the first node that opens it. A page size out
// of range is a Refusal.
func Open(ctx context.Context, store mpblock.Store, opts Options) (*Platform, error) {
	if opts.PageSize == 0 {
		opts.PageSize = MaxPageSize
	}
	if opts.PageSize < 0 || opts.PageSize > MaxPageSize {
		return nil, refuse("a page size of %d: want 1 to %d", opts.PageSize, MaxPageSize)
	}
	key, err := tokenKey(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("read the key of the access tokens: %w", err)
	}
	return &Platform{
		store: store, pageSize: opts.PageSize, signer: newSigner(key), hasher: newHasher(),
		node: randomHex(8), drafting: make(chan struct{}, maxDrafting), jobs: make(chan struct{}, 1), chunk: chunkSize,
	}, nil
}

// tokenKey returns the key that signs access tokens. Of several nodes that make
// one at once, the first wins.
func tokenKey(ctx context.Context, store mpblock.Store) ([]byte, error) {
	r, err := store.Get(ctx, kindKey, keyToken)
	if !errors.Is(err, mpblock.ErrNotFound) {
		return r.Value, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	_, err = store.Put(ctx, mpblock.Record{Kind: kindKey, Key: keyToken, Value: key})
	if !errors.Is(err, mpblock.ErrConflict) {
		return key, err
	}
	r, err = store.Get(ctx, kindKey, keyToken)
	return r.Value, err
}

// Fingerprint returns what tells the platform in a store from every other: a hash of
// the key that signs its access tokens. A store in which there is no platform yet is
// mpblock.ErrNotFound.
func Fingerprint(ctx context.Context, store mpblock.Store) ([]byte, error) {
	r, err := store.Get(ctx, kindKey, keyToken)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("mpblock platform "), r.Value...))
	return sum[:], nil
}

// Close gives back what of the quotas was reserved and not used, and writes down the
// calls that were counted. It does not close the store.
func (p *Platform) Close(ctx context.Context) error {
	return errors.Join(p.quotas.giveBack(ctx, p.store), p.writeCalls(ctx))
}

// Ready tells whether the store answers and, if it can tell, takes writes.
func (p *Platform) Ready(ctx context.Context) error {
	if h, ok := find[interface{ Health() error }](p.store); ok {
		if err := h.Health(); err != nil {
			return err
		}
	}
	_, err := p.store.Get(ctx, kindKey, keyToken)
	return err
}

// Backup writes a consistent copy of the store to a new directory, where the
// store can do so; else it is a Refusal.
func (p *Platform) Backup(ctx context.Context, dir string) error {
	b, ok := find[mpblock.Backuper](p.store)
	if !ok {
		return refuse("this store cannot be copied while it is in use")
	}
	return b.Backup(ctx, dir)
}

// find looks for a capability in a store and in those that it wraps.
func find[T any](s mpblock.Store) (T, bool) {
	for {
		if t, ok := s.(T); ok {
			return t, true
		}
		w, ok := s.(interface{ Unwrap() mpblock.Store })
		if !ok {
			var none T
			return none, false
		}
		s = w.Unwrap()
	}
}
