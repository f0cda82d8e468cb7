package lists

import (
	"context"

	"mpblock"
	"mpblock/internal/lists/truth"
)

// truth returns the Truth of an account.
func (svc *Service) truth(a *mpblock.Account) truth.Truth {
	if a.Upstream != "" && svc.upstream != nil {
		return svc.upstream
	}
	return svc.local
}

// Apply makes a change of an account's blacklist, as Truth says, but for who is protected:
// see protection.Service.Guard. All changes, of any door and of jobs, go through it; it
// dates them.
func (svc *Service) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
	return svc.apply(ctx, a, b, false)
}

func (svc *Service) apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	if err := a.MayChange(); err != nil {
		return mpblock.Change{}, err
	}
	b.Time = svc.clock.Now()
	return svc.protection.Guard(ctx, a.AppID, b, whole, func(b mpblock.Batch) (mpblock.Change, error) {
		return svc.truth(a).Apply(ctx, a, b, whole)
	})
}

// Finish ends what was left under way of an account's changes, as Truth says: who looks in
// the log for what has been done calls it before.
func (svc *Service) Finish(ctx context.Context, a *mpblock.Account) error {
	return svc.truth(a).Finish(ctx, a)
}
