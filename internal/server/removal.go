package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/audit"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lists/digest"
	"mpblock/internal/lists/protection"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
)

// Times of a removal.
const (
	removalsEvery = 30 * time.Second
	// settle is how long what was begun before an account was removed may still write:
	// a call under way, another node that has not seen it, what is counted in memory.
	settle = 2 * removalsEvery
)

// removals erases what is kept of accounts that are being removed. Every node does so,
// from the beginning, however far another has come: so nothing is lost to a crash, and
// each gives up what it keeps in memory. What was erased is erased once more after a
// while, as something may have been written meanwhile; the account's record is the last.
type removals struct {
	access   *access.Service
	upstream *upstream.Service
	webhooks *webhooks.Service
	store    mpblock.Store
	jobs     *jobs.Service
	remarks  *remarks.Service
	people   *protection.Service
	audit    *audit.Service
	intake   *intake.Service
	log      *slog.Logger
	erased   map[mpblock.AppID]time.Time // when this node had first erased all of an account
}

func (r *removals) run(ctx context.Context) error {
	apps, err := r.access.Removing(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, app := range apps {
		if err := r.remove(ctx, app); err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", app, err))
		}
	}
	return errors.Join(errs...)
}

func (r *removals) remove(ctx context.Context, app mpblock.AppID) error {
	for _, erase := range []func(context.Context, mpblock.AppID) error{
		r.upstream.Erase, r.webhooks.Erase, r.jobs.Erase, r.intake.Erase, r.store.Erase, r.eraseDigest, r.remarks.Erase, r.people.Erase, r.audit.Erase, r.access.Erase,
	} {
		if err := erase(ctx, app); err != nil {
			return err
		}
	}
	now := time.Now()
	if first, before := r.erased[app]; !before {
		r.erased[app] = now
		return nil
	} else if now.Sub(first) < settle {
		return nil
	}
	if err := r.access.Bury(ctx, app); err != nil {
		return err
	}
	delete(r.erased, app)
	r.log.Info("account removed: nothing is kept of it", "appid", app)
	return nil
}

func (r *removals) eraseDigest(ctx context.Context, app mpblock.AppID) error {
	return digest.Erase(ctx, r.store, app)
}
