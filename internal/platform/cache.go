package platform

import (
	"context"
	"errors"
	"sync"
	"time"

	"mpblock"
)

// Limits of the cache. What another node wrote is seen after maxAge at the
// latest; an account takes about 1 KB.
const (
	maxAge      = 500 * time.Millisecond
	maxAccounts = 65_536
)

// state is what the store holds of an account and of its tokens at one time. It
// is shared: it is never changed.
type state struct {
	account mpblock.Account
	epoch   uint64
	version uint64 // of the account's record
	tokens  tokenState
	tokensV uint64 // version of the tokens' record, 0 if there is none
	read    time.Time
}

// cache keeps states for a short while.
type cache struct {
	mu     sync.Mutex
	states map[mpblock.AppID]*state
	// writes counts what this node wrote, so that a read that began before a
	// write and ends after it is not kept.
	writes uint64
}

func (c *cache) get(app mpblock.AppID) (s *state, writes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.states[app]
	if s != nil && time.Since(s.read) >= maxAge {
		s = nil
	}
	return s, c.writes
}

func (c *cache) put(app mpblock.AppID, s *state, writes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if writes != c.writes {
		return
	}
	if c.states == nil {
		c.states = make(map[mpblock.AppID]*state)
	}
	if len(c.states) >= maxAccounts {
		for other := range c.states { // any one: it costs two small reads to have it back
			delete(c.states, other)
			break
		}
	}
	c.states[app] = s
}

// forget is called after every write to an account or its tokens, whatever came
// of it.
func (c *cache) forget(app mpblock.AppID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	delete(c.states, app)
}

// state returns the account and its tokens as they were maxAge ago or later. An
// account that does not exist is an error with CodeBadAppID.
func (p *Platform) state(ctx context.Context, app mpblock.AppID) (*state, error) {
	s, writes := p.cache.get(app)
	if s != nil {
		return s, nil
	}
	s, err := p.readState(ctx, app)
	if err != nil {
		return nil, err
	}
	p.cache.put(app, s, writes)
	return s, nil
}

// readState reads past the cache.
func (p *Platform) readState(ctx context.Context, app mpblock.AppID) (*state, error) {
	s := &state{read: time.Now()}
	account, err := p.readAccount(ctx, app)
	if err != nil {
		return nil, err
	}
	s.account, s.epoch, s.version = account.Account, account.epoch, account.version
	r, err := p.store.Get(ctx, kindToken, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.tokensV = r.Version
	return s, decode(r, &s.tokens)
}
