package platform

import (
	"context"
	"time"
)

// SessionStore keeps the data of sessions as records, under a hash of their tokens,
// so that who reads the store cannot use them. It is a scs.CtxStore (of
// alexedwards/scs). All nodes see the same sessions.
type SessionStore struct{ p *Platform }

// Sessions returns the store of the sessions.
func (p *Platform) Sessions() *SessionStore { return &SessionStore{p} }

// FindCtx returns the data of a session, or false if there is none.
func (s *SessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return nil, false, errSoon
}

// CommitCtx keeps the data of a session until expiry. One that was deleted stays so.
func (s *SessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return errSoon
}

// DeleteCtx ends a session.
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error { return errSoon }

// Find is FindCtx without a context.
func (s *SessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *SessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *SessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
