package ops

import (
	"context"
	"time"

	"mpblock"
)

// Wrap returns the store with its operations timed.
func (m *Metrics) Wrap(s mpblock.Store) mpblock.Store { return &timed{Store: s, m: m} }

type timed struct {
	mpblock.Store
	m *Metrics
}

// Unwrap returns the store inside.
func (t *timed) Unwrap() mpblock.Store { return t.Store }

// time is deferred with its arguments taken at the beginning.
func (t *timed) time(op string, start time.Time) {
	t.m.store.WithLabelValues(op).Observe(time.Since(start).Seconds())
}

func (t *timed) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	defer t.time("add_followers", time.Now())
	return t.Store.AddFollowers(ctx, app, ids)
}

func (t *timed) RemoveFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (int, error) {
	defer t.time("remove_followers", time.Now())
	return t.Store.RemoveFollowers(ctx, app, ids)
}

func (t *timed) Followers(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	defer t.time("followers", time.Now())
	return t.Store.Followers(ctx, app, after, limit)
}

func (t *timed) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	defer t.time("apply", time.Now())
	return t.Store.Apply(ctx, app, b)
}

func (t *timed) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error) {
	defer t.time("blacklist", time.Now())
	return t.Store.Blacklist(ctx, app, after, limit)
}

func (t *timed) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	defer t.time("states", time.Now())
	return t.Store.States(ctx, app, ids)
}

func (t *timed) Erase(ctx context.Context, app mpblock.AppID) error {
	defer t.time("erase", time.Now())
	return t.Store.Erase(ctx, app)
}

func (t *timed) Get(ctx context.Context, kind, key string) (mpblock.Record, error) {
	defer t.time("get", time.Now())
	return t.Store.Get(ctx, kind, key)
}

func (t *timed) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	defer t.time("put", time.Now())
	return t.Store.Put(ctx, r)
}

func (t *timed) Delete(ctx context.Context, kind, key string, version uint64) error {
	defer t.time("delete", time.Now())
	return t.Store.Delete(ctx, kind, key, version)
}

func (t *timed) List(ctx context.Context, kind, after string, limit int) ([]mpblock.Record, error) {
	defer t.time("list", time.Now())
	return t.Store.List(ctx, kind, after, limit)
}

func (t *timed) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	defer t.time("changes", time.Now())
	return t.Store.Changes(ctx, app, after, limit)
}

func (t *timed) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	defer t.time("changes_of", time.Now())
	return t.Store.ChangesOf(ctx, app, id, after, limit)
}

func (t *timed) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	defer t.time("change_heads", time.Now())
	return t.Store.ChangeHeads(ctx, app, seqs)
}

func (t *timed) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) ([]mpblock.Request, error) {
	defer t.time("requests", time.Now())
	return t.Store.Requests(ctx, app, after, limit)
}

func (t *timed) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	defer t.time("undone", time.Now())
	return t.Store.Undone(ctx, app, seqs)
}

func (t *timed) Due(ctx context.Context, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error) {
	defer t.time("due", time.Now())
	return t.Store.Due(ctx, app, after, until, limit)
}

func (t *timed) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	defer t.time("histories", time.Now())
	return t.Store.Histories(ctx, app, after, last, each)
}

func (t *timed) Kinds(ctx context.Context) ([]string, error) {
	defer t.time("kinds", time.Now())
	return t.Store.Kinds(ctx)
}
