package lists

import (
	"context"
	"errors"

	"mpblock"
)

// MaxUsers is how many users one call of the API may ask for.
const MaxUsers = 100

// Users is a call of the API that asks for 1 to MaxUsers users. The error is that of the
// first OpenID, in list order, that is none of the account's.
func (svc *Service) Users(ctx context.Context, a *mpblock.Account, ids ...string) ([]mpblock.OpenID, []mpblock.State, error) {
	if len(ids) == 0 || len(ids) > MaxUsers {
		return nil, nil, errListSize.With(len(ids), MaxUsers)
	}
	parsed := make([]mpblock.OpenID, len(ids))
	for i, s := range ids {
		var err error
		if parsed[i], err = Own(a, s); errors.Is(err, ErrForeign) {
			err = errElsewhere.With(a.AppID) // only the blacklist calls have a code of its own for it
		}
		if err != nil {
			return nil, nil, mpblock.At(err, "list[%d]", i)
		}
	}
	states, err := svc.store.States(ctx, a.AppID, parsed)
	for i := range states {
		states[i].Follower = states[i].Follower || a.AnyFollower
	}
	return parsed, states, err
}

// Follower reads an OpenID that is to be one of the account's followers.
func (svc *Service) Follower(ctx context.Context, a *mpblock.Account, id string) (mpblock.OpenID, error) {
	own, states, err := svc.Users(ctx, a, id)
	if err == nil && !states[0].Follower {
		err = errNoFollower.With(a.AppID)
	}
	if err != nil {
		return mpblock.OpenID{}, err
	}
	return own[0], nil
}

// MayMessage refuses a message to who is blocked, and to who does not follow.
func (svc *Service) MayMessage(ctx context.Context, a *mpblock.Account, id string) error {
	_, states, err := svc.Users(ctx, a, id)
	switch {
	case err != nil:
		return err
	case states[0].Blocked:
		return errMessageBlocked.With(a.AppID)
	case !states[0].Follower:
		return errMessageStranger.With(a.AppID)
	}
	return nil
}
