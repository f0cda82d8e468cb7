package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/desk"
	"mpblock/internal/feed"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/listcache"
	"mpblock/internal/lists"
	"mpblock/internal/lists/expiry"
	"mpblock/internal/operators"
	"mpblock/internal/ops"
	"mpblock/internal/record"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
	"mpblock/internal/webhooks/post"
)

// rules are what the doors work through, over one store.
type rules struct {
	store     mpblock.Store
	access    *access.Service
	operators *operators.Service
	lists     *lists.Service
	jobs      *jobs.Service
	remarks   *remarks.Service
	audit     *audit.Service
	removals  *removals
	desks     *desk.Office
	upstream  *upstream.Service
	webhooks  *webhooks.Service
	key       []byte // of the store, for what is given out and known again
	syncEvery time.Duration
	clock     mpblock.Clock
}

// openRules opens the rules over a store. The operators are in people, which is that
// store too, but for an emulator.
func openRules(ctx context.Context, store *listcache.Store, people mpblock.Records, c Config) (*rules, error) {
	r := &rules{store: store, syncEvery: c.SyncEvery, clock: c.Clock}
	var err error
	if r.key, err = record.SigningKey(ctx, store); err != nil {
		return nil, err
	}
	r.upstream = upstream.New(store, upstream.Options{Clock: c.Clock, SealFile: c.SealKeyFile, MakeSeal: c.makeSeal, Log: c.Log, Meter: c.meter, Alone: c.Database == nil})
	if r.lists, err = lists.New(store, lists.Options{PageSize: c.PageSize, Quoted: store, Upstream: r.upstream, Clock: c.Clock, Log: c.Log}); err != nil {
		return nil, err
	}
	if r.access, err = access.Open(ctx, store, access.WithTokenLife(c.TokenLife), access.WithClock(c.Clock)); err != nil {
		return nil, err
	}
	if r.operators, err = operators.Open(ctx, people, operators.Options{Clock: c.Clock, Log: c.Log}); err != nil {
		return nil, err
	}
	r.jobs = jobs.New(store, r.lists, r.access.Account, jobs.Options{Clock: c.Clock})
	r.remarks = remarks.New(store, c.Clock)
	r.audit = audit.New(store, c.Clock, c.Log)
	in := intake.New(store, r.lists, c.Clock)
	changes, _ := find[*feed.Store](store)
	r.followProtection(changes)
	r.webhooks = webhooks.New(store, webhooks.Options{
		Feed: changes, Seal: r.upstream, Post: post.New(c.WebhookPrivate), Clock: c.Clock, Log: c.Log, Meter: c.posted,
		Alone: c.embedded() || c.Emulate != nil,
	})
	r.removals = &removals{r.access, r.upstream, r.webhooks, store, r.jobs, r.remarks, r.lists.Protection(), r.audit, in, c.Log, map[mpblock.AppID]time.Time{}}
	r.desks = desk.New(r.access, r.operators, r.lists, r.jobs, r.remarks, in, r.upstream, r.audit, c.Clock).WithWebhooks(r.webhooks)
	return r, nil
}

// followProtection has those who follow an account told of who is protected.
func (r *rules) followProtection(changes *feed.Store) {
	people := r.lists.Protection()
	people.Changed = changes.Kick
	changes.WithProtection(func(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]feed.Event, uint64, error) {
		told, last, err := people.Told(ctx, app, after, limit)
		events := make([]feed.Event, len(told))
		for i, c := range told {
			e := feed.Event{Kind: feed.Unprotected, Number: c.Number, Behind: c.Behind, Change: mpblock.Change{Time: c.At, Actor: c.By, Reason: c.Why}}
			if c.Protects {
				e.Kind = feed.Protected
			}
			for _, text := range c.OpenIDs {
				id, err := mpblock.ParseOpenID(text)
				if err != nil {
					return nil, last, err
				}
				e.OpenIDs = append(e.OpenIDs, id)
			}
			events[i] = e
		}
		return events, last, err
	})
}

// How often run does what nobody waits for.
const (
	callsEvery = 10 * time.Second
	sumsEvery  = time.Minute
)

// run does what nobody waits for, until ctx ends: it runs jobs, unblocks whose end has
// come, sends what webhooks are told, counts changes for the overview, writes down the
// calls, reads the lists on the platform, and erases accounts that are being removed. It is to run on every node, once; nodes share the work. Report is
// told of errors that it will try to overcome by itself; it may be called from several
// goroutines. run returns once all of it has stopped, at most after the batches under way.
func (r *rules) run(ctx context.Context, report func(error)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { r.jobs.Run(ctx, report) })
	wg.Go(func() { r.webhooks.Run(ctx, report) })
	ends := expiry.New(expiry.Options{Due: r.store.Due, Account: r.access.Account, Apply: r.lists.Apply, Clock: r.clock, Report: report})
	wg.Go(func() { ends.Run(ctx) })
	wg.Go(func() { every(ctx, callsEvery, nil, "write down the calls", r.access.WriteCalls, report) })
	if r.syncEvery > 0 {
		wg.Go(func() { every(ctx, r.syncEvery, nil, "read the lists on the platform", r.syncAll, report) })
	}
	wg.Go(func() {
		every(ctx, upstream.SettleEvery, nil, "settle changes on the platform that were under way", r.upstream.Settle, report)
	})
	wg.Go(func() { every(ctx, sumsEvery, nil, "count the changes", r.countChanges, report) })
	wg.Go(func() {
		every(ctx, removalsEvery, r.access.Removals(), "remove accounts", r.removals.run, report)
	})
}

// every does something now and then, and when there is a word to do so, until ctx ends.
func every(ctx context.Context, interval time.Duration, word <-chan struct{}, what string, do func(context.Context) error, report func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			report(fmt.Errorf("%s: %w", what, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-word:
		}
	}
}

// countChanges brings the sums of all accounts up to date.
func (r *rules) countChanges(ctx context.Context) error {
	return r.each(ctx, func(app mpblock.AppID) error { return r.lists.CatchUp(ctx, app) })
}

// sizes adds up all accounts; it takes two small reads for each.
func (r *rules) sizes(ctx context.Context) (s ops.Sizes, err error) {
	err = r.each(ctx, func(app mpblock.AppID) error {
		t, err := r.lists.Totals(ctx, app)
		s.Accounts++
		s.Followers += t.Followers
		s.Blocked += t.Blocked
		return err
	})
	return s, err
}

// mirrors tells how the lists on the platform stand here; it takes some small reads for each.
func (r *rules) mirrors(ctx context.Context) (all []ops.Mirror, err error) {
	err = r.eachAccount(ctx, func(a *mpblock.Account) error {
		if a.Upstream == "" || a.Retired {
			return nil
		}
		u, err := r.upstream.State(ctx, a.AppID)
		if err != nil {
			return err
		}
		m := ops.Mirror{AppID: a.AppID, Synced: u.Synced, Failing: u.Problem != "" || u.Followers.Problem != "", Used: u.Used.Today(), Limits: u.Limits.Days(u.Told)}
		if u.MirrorFollowers {
			m.Followers = u.Followers.Synced
		}
		for _, held := range []*upstream.Held{u.Held, u.Followers.Held} {
			if held != nil {
				m.Held += held.Removed
			}
		}
		m.Unsettled, err = r.upstream.Unsettled(ctx, a.AppID)
		all = append(all, m)
		return err
	})
	return all, err
}

// syncAll reads the lists of the accounts that lie on the real platform, and goes on where
// one fails. Those that are retired stay as they are, and so do those that another node has
// read just now.
func (r *rules) syncAll(ctx context.Context) error {
	var errs []error
	err := r.eachAccount(ctx, func(a *mpblock.Account) error {
		if a.Upstream == "" || a.Retired {
			return nil
		}
		if err := r.upstream.SyncDue(ctx, a.AppID, r.syncEvery/2); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.AppID, err))
		}
		if err := r.upstream.SyncFollowersDue(ctx, a.AppID); err != nil {
			errs = append(errs, fmt.Errorf("%s: followers: %w", a.AppID, err))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// each does something for each account.
func (r *rules) each(ctx context.Context, do func(mpblock.AppID) error) error {
	return r.eachAccount(ctx, func(a *mpblock.Account) error { return do(a.AppID) })
}

func (r *rules) eachAccount(ctx context.Context, do func(*mpblock.Account) error) error {
	for after := mpblock.AppID(""); ; {
		accounts, err := r.access.Accounts(ctx, after, 1000)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			if err := do(a); err != nil {
				return err
			}
			after = a.AppID
		}
	}
}

// ready tells whether the store answers and, if it can tell, takes writes.
func (r *rules) ready(ctx context.Context) error {
	if h, ok := find[interface{ Health() error }](r.store); ok {
		if err := h.Health(); err != nil {
			return err
		}
	}
	return record.Answers(ctx, r.store)
}

var errNoBackup = mpblock.NewError(mpblock.Unavailable, "backup.store", "this store cannot be copied while it is in use")

// backup writes a consistent copy of the store to a new directory, where the store
// can do so; else it is a refusal.
func (r *rules) backup(ctx context.Context, dir string) error {
	b, ok := find[mpblock.Backuper](r.store)
	if !ok {
		return errNoBackup
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
