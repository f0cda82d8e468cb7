package platform

import (
	"context"
	"crypto/rand"
	"errors"

	"mpblock"
)

// No two accounts hold the same prefix, though a store knows nothing of
// prefixes: a new account claims its prefix in a record of its own, is then
// written itself, and confirms the claim by writing it again. A claim whose
// account does not exist is taken over, since the process that made it has ended;
// if it has not, its confirmation fails, as the claim is no longer the one it
// wrote.

// claimPrefix takes the prefix that n asks for, or a random one.
func (p *Platform) claimPrefix(ctx context.Context, n NewAccount) (mpblock.Record, mpblock.Prefix, error) {
	for {
		var prefix mpblock.Prefix
		if n.Prefix != nil {
			prefix = *n.Prefix
		} else {
			_, _ = rand.Read(prefix[:]) // never fails
		}
		claim, err := p.tryPrefix(ctx, prefix, n.AppID)
		if n.Prefix == nil && errors.As(err, new(Refusal)) {
			continue
		}
		return claim, prefix, err
	}
}

func (p *Platform) tryPrefix(ctx context.Context, prefix mpblock.Prefix, app mpblock.AppID) (mpblock.Record, error) {
	claim := mpblock.Record{Kind: kindPrefix, Key: prefix.String(), Value: []byte(app)}
	for {
		r, err := p.store.Put(ctx, claim)
		if !errors.Is(err, mpblock.ErrConflict) {
			return r, err
		}
		r, err = p.store.Get(ctx, kindPrefix, claim.Key)
		if errors.Is(err, mpblock.ErrNotFound) {
			claim.Version = 0
			continue
		}
		if err != nil {
			return r, err
		}
		holder := mpblock.AppID(r.Value)
		switch v, err := p.readAccount(ctx, holder); {
		case err == nil && v.Prefix == prefix:
			return r, refuse("prefix %s is that of account %s: choose another, or leave it out to have one made", prefix, holder)
		case err != nil && !isCode(err, mpblock.CodeBadAppID):
			return r, err
		}
		claim.Version = r.Version
	}
}

// confirmPrefix ends the creation of an account, or undoes it where another has
// taken its prefix meanwhile.
func (p *Platform) confirmPrefix(ctx context.Context, claim, account mpblock.Record) error {
	_, err := p.store.Put(ctx, claim)
	if !errors.Is(err, mpblock.ErrConflict) {
		return err
	}
	err = p.store.Delete(ctx, account.Kind, account.Key, account.Version)
	p.cache.forget(mpblock.AppID(account.Key))
	if err != nil {
		return err
	}
	return refuse("prefix %s has just been taken by another account: try again", claim.Key)
}
