package storetest

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
)

// Slow is a store each of whose calls takes a while, half of it before and half of it
// after it is carried out, and that counts them. It is for tests under synctest.
type Slow struct {
	mpblock.Store
	delay time.Duration

	mu    sync.Mutex
	calls map[string]int
}

// NewSlow returns a store each of whose calls takes so long, and what the store itself
// takes.
func NewSlow(s mpblock.Store, delay time.Duration) *Slow {
	return &Slow{Store: s, delay: delay, calls: make(map[string]int)}
}

// Unwrap returns the store inside.
func (s *Slow) Unwrap() mpblock.Store { return s.Store }

// Calls returns how often each method was called since the last time.
func (s *Slow) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := maps.Clone(s.calls)
	clear(s.calls)
	return calls
}

func slow[T any](ctx context.Context, s *Slow, method string, call func() (T, error)) (T, error) {
	s.mu.Lock()
	s.calls[method]++
	s.mu.Unlock()
	var none T
	if err := s.wait(ctx); err != nil {
		return none, err
	}
	v, err := call()
	if ended := s.wait(ctx); ended != nil {
		return none, ended
	}
	return v, err
}

func (s *Slow) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.delay / 2):
		return nil
	}
}

// AddFollowers implements mpblock.Store.
func (s *Slow) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return slow(ctx, s, "AddFollowers", func() (int, error) { return s.Store.AddFollowers(ctx, app, ids) })
}

// RemoveFollowers implements mpblock.Store.
func (s *Slow) RemoveFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	return slow(ctx, s, "RemoveFollowers", func() (int, error) { return s.Store.RemoveFollowers(ctx, app, ids) })
}

// Followers implements mpblock.Store.
func (s *Slow) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return slow(ctx, s, "Followers", func() (mpblock.Page, error) { return s.Store.Followers(ctx, app, after, limit) })
}

// Apply implements mpblock.Store.
func (s *Slow) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	return slow(ctx, s, "Apply", func() (mpblock.Change, error) { return s.Store.Apply(ctx, app, b) })
}

// Blacklist implements mpblock.Store.
func (s *Slow) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	return slow(ctx, s, "Blacklist", func() (mpblock.Page, error) { return s.Store.Blacklist(ctx, app, after, limit) })
}

// States implements mpblock.Store.
func (s *Slow) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	return slow(ctx, s, "States", func() ([]mpblock.State, error) { return s.Store.States(ctx, app, ids) })
}

// Changes implements mpblock.Store.
func (s *Slow) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return slow(ctx, s, "Changes", func() ([]mpblock.Change, error) { return s.Store.Changes(ctx, app, after, limit) })
}

// ChangesOf implements mpblock.Store.
func (s *Slow) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return slow(ctx, s, "ChangesOf", func() ([]mpblock.Change, error) { return s.Store.ChangesOf(ctx, app, id, after, limit) })
}

// ChangeHeads implements mpblock.Store.
func (s *Slow) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	return slow(ctx, s, "ChangeHeads", func() ([]mpblock.Change, error) { return s.Store.ChangeHeads(ctx, app, seqs) })
}

// Due implements mpblock.Store.
func (s *Slow) Due(ctx context.Context, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error) {
	return slow(ctx, s, "Due", func() ([]mpblock.DueEnd, error) { return s.Store.Due(ctx, app, after, until, limit) })
}

// Requests implements mpblock.Store.
func (s *Slow) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) ([]mpblock.Request, error) {
	return slow(ctx, s, "Requests", func() ([]mpblock.Request, error) { return s.Store.Requests(ctx, app, after, limit) })
}

// Undone implements mpblock.Store.
func (s *Slow) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	return slow(ctx, s, "Undone", func() ([]uint64, error) { return s.Store.Undone(ctx, app, seqs) })
}

// Histories implements mpblock.Store.
func (s *Slow) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	_, err := slow(ctx, s, "Histories", func() (struct{}, error) { return struct{}{}, s.Store.Histories(ctx, app, after, last, each) })
	return err
}

// Erase implements mpblock.Store.
func (s *Slow) Erase(ctx context.Context, app mpblock.AppID) error {
	_, err := slow(ctx, s, "Erase", func() (struct{}, error) { return struct{}{}, s.Store.Erase(ctx, app) })
	return err
}

// Get implements mpblock.Store.
func (s *Slow) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	return slow(ctx, s, "Get", func() (mpblock.Record, error) { return s.Store.Get(ctx, kind, key) })
}

// Put implements mpblock.Store.
func (s *Slow) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	return slow(ctx, s, "Put", func() (mpblock.Record, error) { return s.Store.Put(ctx, r) })
}

// Delete implements mpblock.Store.
func (s *Slow) Delete(ctx context.Context, kind, key string, version uint64) error {
	_, err := slow(ctx, s, "Delete", func() (struct{}, error) { return struct{}{}, s.Store.Delete(ctx, kind, key, version) })
	return err
}

// List implements mpblock.Store.
func (s *Slow) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	return slow(ctx, s, "List", func() ([]mpblock.Record, error) { return s.Store.List(ctx, kind, after, limit) })
}

// Kinds implements mpblock.Store.
func (s *Slow) Kinds(ctx context.Context) ([]string, error) {
	return slow(ctx, s, "Kinds", func() ([]string, error) { return s.Store.Kinds(ctx) })
}

// RunSlow is Run in a bubble of synctest, for stores that need nothing outside of it:
// those in memory, and wrappers of a slow one.
func RunSlow(t *testing.T, open func(t *testing.T) mpblock.Store) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.test(&suite{T: t, s: open(t)}) })
		})
	}
}

// ModelSlow is Model in a bubble of synctest.
func ModelSlow(t *testing.T, open func() mpblock.Store) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { model(t, undated{t}, open, nil) })
}
