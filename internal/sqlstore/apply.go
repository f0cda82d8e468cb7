package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Apply implements mpblock.Store.
func (s *Store) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (mpblock.Change, error) {
	if err := b.Validate(); err != nil {
		return mpblock.Change{}, err
	}
	if err := s.enterApp(ctx, app); err != nil {
		return mpblock.Change{}, err
	}
	defer s.leave()
	limit := s.limit(len(b.OpenIDs))
	waits, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p := &pending{ctx: waits, batch: b, done: make(chan outcome, 1)}
	if s.queues.join(app, p) {
		s.inflight.Go(func() { s.serve(app) })
	}
	select {
	case o := <-p.done:
		return o.change, o.err
	case <-waits.Done():
		if err := ctx.Err(); err != nil {
			return mpblock.Change{}, err
		}
		return mpblock.Change{}, fmt.Errorf("%w, %v, for the batches before this one", errTime, limit)
	}
}

// applying is a group of batches on its way into the database.
type applying struct {
	store    *Store
	app      mpblock.AppID
	batches  []mpblock.Batch
	outcomes []outcome // of each batch, once a try has succeeded
	lost     []*plan   // tries of which it is not known whether they happened
}

// try makes one transaction of the group, or finds that an earlier try was one.
func (a *applying) try(ctx context.Context, c *sql.Conn) error {
	var p *plan
	err := a.store.locked(ctx, c, a.app, func(h head) error {
		happened, err := a.happened(ctx, c)
		if err != nil || happened != nil {
			p = happened
			return err
		}
		if p, err = a.plan(ctx, c, h); err != nil {
			return err
		}
		return p.write(ctx, c, a.app)
	})
	switch {
	case err == nil:
		a.outcomes = p.outcomes
	case isUnsettled(err) && p.empty(): // there was nothing to be written
		a.outcomes = p.outcomes
		return nil
	case isUnsettled(err) && len(p.changes) > 0: // requests without a change are found by the next try
		a.lost = append(a.lost, p)
	}
	return err
}

// happened returns the lost try that has happened after all, nil if none has. The
// account is locked, so none of them can happen any more: where the lock holds for
// one node alone, this transaction and that of a lost try change the same row, and
// one of the two is refused.
func (a *applying) happened(ctx context.Context, c *sql.Conn) (*plan, error) {
	for _, p := range a.lost {
		found := false
		_, err := query.Rows(ctx, c, "SELECT batch FROM change_log WHERE app = ? AND seq = ?"+a.store.lockRead(),
			[]any{query.App(a.app), p.changes[0].Seq}, func(r *sql.Rows) error {
				var m sql.RawBytes
				err := r.Scan(&m)
				found = bytes.Equal(m, p.mark[:])
				return err
			})
		if err != nil {
			return nil, err
		}
		if found {
			return p, nil
		}
	}
	return nil, nil
}
