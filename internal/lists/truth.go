package lists

import (
	"context"

	"mpblock"
)

// Truth is where an account's blacklist truly lies: who is blocked there is blocked.
type Truth interface {
	// Apply makes a change of an account's blacklist, all of it or none, and
	// returns it as it is in the log: with the OpenIDs on which it took effect,
	// and the zero Change if there are none. It is durable then. With Known an
	// OpenID that the account does not know is a *mpblock.UnknownError. Where the list
	// lies elsewhere, a batch of more than MaxBatch OpenIDs may happen in part before
	// it is refused, but not if it is to be whole; whole batches have MaxBatch at most.
	Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error)
}

// local is the Truth of the accounts whose blacklist lies in the store itself.
type local struct{ store mpblock.Lists }

func (l local) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, _ bool) (mpblock.Change, error) {
	return l.store.Apply(ctx, a.AppID, b)
}

// truth returns the Truth of an account.
func (svc *Service) truth(a *mpblock.Account) Truth {
	if a.Upstream != "" && svc.upstream != nil {
		return svc.upstream
	}
	return svc.local
}

// Apply makes a change of an account's blacklist, as Truth says. All changes, of any
// door and of jobs, go through it; it dates them.
func (svc *Service) Apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
	return svc.apply(ctx, a, b, false)
}

func (svc *Service) apply(ctx context.Context, a *mpblock.Account, b mpblock.Batch, whole bool) (mpblock.Change, error) {
	if err := a.MayChange(); err != nil {
		return mpblock.Change{}, err
	}
	b.Time = svc.clock.Now()
	return svc.truth(a).Apply(ctx, a, b, whole)
}
