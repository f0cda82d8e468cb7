package lists

import (
	"context"
	"errors"

	"mpblock"
)

// Users is a call of the API that asks for 1 to MaxUsers users. The error is that of the
// first OpenID, in list order, that is none of the account's.
func (svc *Service) Users(ctx context.Context, a *mpblock.Account, ids ...string) ([]mpblock.OpenID, []mpblock.State, error) {
	if len(ids) == 0 || len(ids) > MaxUsers {
		return nil, nil, errListSize.With(len(ids), MaxUsers)
	}
	parsed := make([]mpblock.OpenID, len(ids))
	for i, s := range ids {
		id, err := Own(a, s)
		if errors.Is(err, ErrForeign) {
			err = errElsewhere.With(a.AppID) // only the blacklist calls have a code of its own for it
		}
		if err != nil {
			return nil, nil, mpblock.At(err, "list[%d]", i)
		}
		parsed[i] = id
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
	switch {
	case err != nil:
		return mpblock.OpenID{}, err
	case !states[0].Follower:
		return mpblock.OpenID{}, errNoFollower.With(a.AppID)
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
