package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/access/programs"
	"mpblock/internal/access/tokens"
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
	account  mpblock.Account
	epoch    uint64
	tokens   tokens.State
	programs programs.Set
	read     time.Time
}

// cache keeps states for a short while. What one account does never makes a call of
// another wait.
type cache struct {
	entries sync.Map // mpblock.AppID → *cached
	n       atomic.Int64
	// writes counts what this node wrote, so that a read that began before a
	// write and ends after it is not kept.
	writes atomic.Uint64
}

type cached struct {
	state atomic.Pointer[state]

	mu    sync.Mutex    // of put and forget
	write atomic.Uint64 // the last one of this account, or of all accounts when this began to be kept
}

func (c *cache) get(app mpblock.AppID) (s *state, writes uint64) {
	v, ok := c.entries.Load(app)
	if !ok {
		return nil, c.writes.Load()
	}
	e := v.(*cached) //nolint:forcetypeassert // the map holds nothing else
	writes = e.write.Load()
	s = e.state.Load()
	if s != nil && time.Since(s.read) >= maxAge {
		s = nil
	}
	return s, writes
}

func (c *cache) entry(app mpblock.AppID) *cached {
	v, ok := c.entries.Load(app)
	if !ok {
		fresh := new(cached)
		fresh.write.Store(c.writes.Load())
		if v, ok = c.entries.LoadOrStore(app, fresh); !ok && c.n.Add(1) > maxAccounts {
			for other := range c.entries.Range { // any one: it costs two small reads to have it back
				if _, was := c.entries.LoadAndDelete(other); was {
					c.n.Add(-1)
				}
				break
			}
		}
	}
	return v.(*cached) //nolint:forcetypeassert // the map holds nothing else
}

func (c *cache) put(app mpblock.AppID, s *state, writes uint64) {
	e := c.entry(app)
	e.mu.Lock()
	defer e.mu.Unlock()
	if writes == e.write.Load() {
		e.state.Store(s)
	}
}

// forget is called after every write to an account or its tokens, whatever came
// of it.
func (c *cache) forget(app mpblock.AppID) {
	e := c.entry(app)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write.Store(c.writes.Add(1))
	e.state.Store(nil)
}

// state returns the account and its tokens as they were maxAge ago or later. An
// account that does not exist is ErrNoAccount. Calls that find nothing in the cache
// at once share one read of the store.
func (svc *Service) state(ctx context.Context, app mpblock.AppID) (*state, error) {
	oldest := time.Now().Add(-maxAge)
	for {
		s, writes := svc.cache.get(app)
		if s != nil {
			return s, nil
		}
		// The key has the writes in it: what is read from before one is not for a
		// call from after it.
		flight := svc.reading.DoChan(fmt.Sprintf("%s/%d", app, writes), func() (any, error) {
			// Others wait for it too, so it does not end with the call that began
			// it, but by the time limit of the store.
			s, err := svc.readState(context.WithoutCancel(ctx), app)
			if err == nil {
				svc.cache.put(app, s, writes)
			}
			return s, err
		})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-flight:
			if r.Err != nil {
				return nil, r.Err
			}
			if s := r.Val.(*state); !s.read.Before(oldest) { //nolint:forcetypeassert // readState returns nothing else
				return s, nil
			}
			// The read began long before this call: what has been written in
			// between may not be in it.
		}
	}
}

// readState reads past the cache.
func (svc *Service) readState(ctx context.Context, app mpblock.AppID) (*state, error) {
	s := &state{read: time.Now()}
	account, err := svc.readAccount(ctx, app)
	if err != nil {
		return nil, err
	}
	s.account, s.epoch = account.Account, account.epoch
	book, err := programs.Kind.Get(ctx, svc.store, string(app))
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return nil, err
	}
	s.tokens = book.Value.Of(s.epoch)
	s.programs, err = svc.programs.Set(app, &book.Value)
	return s, err
}
