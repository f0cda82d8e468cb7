package access

import (
	"context"
	"errors"
	"strings"

	"mpblock"
	"mpblock/internal/record"
)

// The removal of an account is in its record: first that it is being removed, from when
// on there is no such account for anybody, then, once nothing else is kept of it, that
// it was removed. That record stays, so that the AppID is not made again: what another
// node, a caller or a backup still knows of it is never taken for a new account's.
type removal string

const (
	beingRemoved removal = "under way"
	wasRemoved   removal = "done"
)

// Gone tells whether a record of KindAccount is of an account that was removed, or is
// being removed: its lists mean nothing. One that cannot be read is not.
func Gone(r mpblock.Record) bool {
	e, err := kindAccount.Of(r)
	return err == nil && e.Value.Removal != ""
}

// Free refuses an AppID that an account has, or had before it was removed.
func (svc *Service) Free(ctx context.Context, app mpblock.AppID) error {
	switch e, err := kindAccount.Get(ctx, svc.store, string(app)); {
	case errors.Is(err, mpblock.ErrNotFound):
		return nil
	case err != nil:
		return err
	case e.Value.Removal != "":
		return errAccountRemoved.With(app)
	}
	return errAccountExists.With(app)
}

// Remove has an account that is retired be as if it were not there, here at once and on
// other nodes within a second. What is kept of it is then to be erased: see Removing.
func (svc *Service) Remove(ctx context.Context, app mpblock.AppID) error {
	_, err := svc.rewrite(ctx, app, func(v *versioned) error {
		if !v.Retired {
			return errNotRetired.With(app)
		}
		v.removal = beingRemoved
		return nil
	})
	select {
	case svc.removals <- struct{}{}:
	default:
	}
	return err
}

// Removals has a word in it when Removing is to be asked, after a Remove on this node.
func (svc *Service) Removals() <-chan struct{} { return svc.removals }

// Removing returns the accounts that are being removed.
func (svc *Service) Removing(ctx context.Context) (apps []mpblock.AppID, err error) {
	for e, err := range kindAccount.Under(ctx, svc.store, "", accountsAtOnce) {
		if err != nil {
			return nil, err
		}
		if e.Value.Removal == beingRemoved {
			apps = append(apps, mpblock.AppID(e.Key))
		}
	}
	return apps, nil
}

// accountsAtOnce is how many records of accounts or prefixes are read at a time.
const accountsAtOnce = 1_000

// Erase removes what is kept of an account beside its record: tokens, programs, quotas,
// counts of calls, and its claims of prefixes.
func (svc *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	if err := svc.programs.Erase(ctx, app); err != nil {
		return err
	}
	if err := svc.quotas.Erase(ctx, app); err != nil {
		return err
	}
	if err := record.EraseUnder(ctx, svc.store, string(app)+"/", string(kindClears)); err != nil {
		return err
	}
	if err := svc.eraseCalls(ctx, app); err != nil {
		return err
	}
	for c, err := range kindPrefix.Under(ctx, svc.store, "", accountsAtOnce) {
		if err == nil && string(c.Value) == string(app) {
			err = kindPrefix.Delete(ctx, svc.store, c.Key, c.Version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseCalls removes the counts of an account, day by day, of all days that have any.
func (svc *Service) eraseCalls(ctx context.Context, app mpblock.AppID) error {
	for after := ""; ; {
		next, err := svc.store.List(ctx, string(kindCalls), after, 1)
		if err != nil || len(next) == 0 {
			return err
		}
		day, _, _ := strings.Cut(next[0].Key, "/")
		if err := record.EraseUnder(ctx, svc.store, callsHead(day, app), string(kindCalls)); err != nil {
			return err
		}
		after = day + "/\xff" // behind all of the day
	}
}

// Bury ends a removal: of the account nothing is left but that there was one.
func (svc *Service) Bury(ctx context.Context, app mpblock.AppID) error {
	defer svc.cache.forget(app)
	_, err := kindAccount.Edit(ctx, svc.store, string(app), func(e *record.Entry[accountRecord]) error {
		if e.Value.Removal != beingRemoved {
			return record.ErrKeep
		}
		e.Value = versioned{Account: mpblock.Account{Retired: true}, removal: wasRemoved}.record()
		return nil
	})
	return err
}
