package access

import (
	"context"
	"crypto/rand"
	"errors"

	"mpblock"
	"mpblock/internal/record"
)

// No two accounts hold the same prefix, though a store knows nothing of
// prefixes: a new account claims its prefix in a record of its own, is then
// written itself, and confirms the claim by writing it again. A claim whose
// account does not exist is taken over, since the process that made it has ended;
// if it has not, its confirmation fails, as the claim is no longer the one it
// wrote.

// kindPrefix is the kind of the claims: the keys are prefixes, the values AppIDs.
const kindPrefix = record.Kind[[]byte]("prefix")

type claim = record.Entry[[]byte]

// claimPrefix takes the prefix that n asks for, or a random one.
func (svc *Service) claimPrefix(ctx context.Context, n NewAccount) (claim, mpblock.Prefix, error) {
	for {
		var prefix mpblock.Prefix
		if n.Prefix != nil {
			prefix = *n.Prefix
		} else {
			_, _ = rand.Read(prefix[:]) // never fails
		}
		c, err := svc.tryPrefix(ctx, prefix, n.AppID)
		if n.Prefix == nil && errors.Is(err, errPrefixTaken) {
			continue
		}
		return c, prefix, err
	}
}

func (svc *Service) tryPrefix(ctx context.Context, prefix mpblock.Prefix, app mpblock.AppID) (claim, error) {
	return kindPrefix.Edit(ctx, svc.store, prefix.String(), func(c *claim) error {
		holder := mpblock.AppID(c.Value)
		c.Value = []byte(app)
		if c.Version == 0 {
			return nil
		}
		switch v, err := svc.readAccount(ctx, holder); {
		case err == nil && v.Prefix == prefix:
			return errPrefixTaken.With(prefix, holder)
		case err != nil && !errors.Is(err, ErrNoAccount):
			return err
		}
		return nil
	})
}

// confirmPrefix ends the creation of an account, or undoes it where another has
// taken its prefix meanwhile.
func (svc *Service) confirmPrefix(ctx context.Context, c claim, account record.Entry[accountRecord]) error {
	_, err := kindPrefix.Put(ctx, svc.store, c)
	if !errors.Is(err, mpblock.ErrConflict) {
		return err
	}
	err = svc.store.Delete(ctx, KindAccount, account.Key, account.Version)
	svc.cache.forget(mpblock.AppID(account.Key))
	if err != nil {
		return err
	}
	return errPrefixLost.With(c.Key)
}

// Holder returns the account that holds a prefix, or ErrNoAccount.
func (svc *Service) Holder(ctx context.Context, prefix mpblock.Prefix) (*mpblock.Account, error) {
	c, err := kindPrefix.Get(ctx, svc.store, prefix.String())
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, ErrNoAccount.With(prefix)
	}
	if err != nil {
		return nil, err
	}
	a, err := svc.Account(ctx, mpblock.AppID(c.Value))
	if err == nil && a.Prefix != prefix { // a claim that nobody has confirmed
		return nil, ErrNoAccount.With(prefix)
	}
	return a, err
}

// SetPrefix gives an account another prefix, which no other account may hold. The
// OpenIDs that its lists have are not changed: it is for an account whose lists are
// empty. Other nodes follow within a second.
func (svc *Service) SetPrefix(ctx context.Context, app mpblock.AppID, prefix mpblock.Prefix) (*mpblock.Account, error) {
	a, err := svc.Account(ctx, app)
	if err != nil || a.Prefix == prefix {
		return a, err
	}
	a, err = svc.movePrefix(ctx, app, prefix)
	if errors.Is(err, errPrefixLost) { // the account may not keep what is another's, and cannot count on its old one
		var chosen mpblock.Prefix
		_, _ = rand.Read(chosen[:])
		_, again := svc.movePrefix(ctx, app, chosen)
		err = errors.Join(err, again)
	}
	return a, err
}

// movePrefix claims a prefix, writes the account and confirms the claim. The claim of
// the old prefix stays, for whoever asks to take over.
func (svc *Service) movePrefix(ctx context.Context, app mpblock.AppID, prefix mpblock.Prefix) (*mpblock.Account, error) {
	c, err := svc.tryPrefix(ctx, prefix, app)
	if err != nil {
		return nil, err
	}
	a, err := svc.rewrite(ctx, app, func(v *versioned) error {
		v.Prefix = prefix
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := kindPrefix.Put(ctx, svc.store, c); errors.Is(err, mpblock.ErrConflict) {
		return nil, errPrefixLost.With(c.Key)
	} else if err != nil {
		return nil, err
	}
	return a, nil
}
