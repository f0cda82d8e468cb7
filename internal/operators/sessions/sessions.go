// Package sessions keeps what browsers that are in have with them (Store), and of each
// operator who is in where and since when (Logins).
//
// It promises that tokens are kept as hashes alone, and that what was ended does not
// come back. Who may log in, and what a session means, it leaves to others.
package sessions

import (
	"context"
	"errors"
	"time"

	"mpblock"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/record"
)

// kindSession is the kind of the records of sessions; their keys are hashes of
// tokens. One without a value is a session that was ended.
const kindSession = record.Kind[[]byte]("session")

// touchApart is how far away a session's new end has to be for a write of that alone.
const touchApart = time.Minute

// Store keeps the data of sessions as records, under a hash of their tokens,
// so that who reads the store cannot use them. It is a scs.CtxStore (of
// alexedwards/scs). All nodes see the same sessions.
type Store struct {
	store mpblock.Records
	clock mpblock.Clock
}

// New returns the sessions of a store.
func New(store mpblock.Records, clock mpblock.Clock) *Store { return &Store{store, clock} }

// FindCtx returns the data of a session, or false if there is none.
func (s *Store) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	e, err := kindSession.Get(ctx, s.store, credentials.HashToken(token))
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, false, nil
	}
	return e.Value, err == nil && len(e.Value) > 0, err
}

// CommitCtx keeps the data of a session until expiry; it does not write if only the
// end is new and a minute or less away. A session that was deleted stays so, though
// a request of it that began before may commit after.
func (s *Store) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	ends := s.clock.Now().Add(time.Until(expiry)) // expiry is by the machine's clock
	return s.change(ctx, token, func(r *record.Entry[[]byte]) bool {
		if r.Version != 0 && len(r.Value) == 0 {
			return false
		}
		if string(r.Value) == string(data) && ends.Sub(r.Expires).Abs() <= touchApart {
			return false
		}
		r.Value, r.Expires = data, ends
		return true
	})
}

// Stretch has a session last longer.
func (s *Store) Stretch(ctx context.Context, token string, by time.Duration) error {
	return s.change(ctx, token, func(r *record.Entry[[]byte]) bool {
		r.Expires = r.Expires.Add(by)
		return r.Version != 0
	})
}

// DeleteCtx ends a session.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	return s.change(ctx, token, func(r *record.Entry[[]byte]) bool {
		if r.Version == 0 || len(r.Value) == 0 {
			return false
		}
		r.Value = nil // kept to its end, so that a late commit does not bring it back
		return true
	})
}

// change writes a session's record if edit says so.
func (s *Store) change(ctx context.Context, token string, edit func(*record.Entry[[]byte]) bool) error {
	_, err := kindSession.Edit(ctx, s.store, credentials.HashToken(token), func(r *record.Entry[[]byte]) error {
		if !edit(r) {
			return record.ErrKeep
		}
		return nil
	})
	return err
}

// Find is FindCtx without a context.
func (s *Store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *Store) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *Store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
