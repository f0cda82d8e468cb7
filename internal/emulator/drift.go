package emulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"mpblock"
	"mpblock/internal/fault"
	"mpblock/internal/lists"
	"mpblock/internal/quoted"
)

// Elsewhere is the actor of changes that somebody makes elsewhere: in the platform's own
// console, say.
const Elsewhere = "elsewhere"

// Drift has somebody else block and unblock so many, as far as there are: picked by the
// dice among the first page of followers and of the blacklist. It returns who was.
func Drift(ctx context.Context, l *lists.Service, a *mpblock.Account, d fault.Drift, dice *rand.Rand) (blocked, unblocked []mpblock.OpenID, err error) {
	if d.Unblock > 0 {
		p, err := l.Blacklist(ctx, a, "")
		if err != nil {
			return nil, nil, err
		}
		if unblocked, err = DriftOf(ctx, l, a, mpblock.Unblock, pick(p, d.Unblock, dice)); err != nil {
			return nil, nil, err
		}
	}
	if d.Block > 0 {
		p, err := l.Followers(ctx, a, "")
		if err != nil {
			return nil, unblocked, err
		}
		free, err := unblockedOf(ctx, l, a, p, d.Block, unblocked, dice)
		if err != nil {
			return nil, unblocked, err
		}
		blocked, err = DriftOf(ctx, l, a, mpblock.Block, free)
		return blocked, unblocked, err
	}
	return nil, unblocked, nil
}

// DriftOf has somebody else block or unblock some, and returns those on whom it took
// effect. An OpenID that the account does not know is refused.
func DriftOf(ctx context.Context, l *lists.Service, a *mpblock.Account, action mpblock.Action, ids []mpblock.OpenID) (took []mpblock.OpenID, err error) {
	for len(ids) > 0 {
		n := min(len(ids), mpblock.MaxWrite)
		c, err := l.Apply(ctx, a, mpblock.Batch{Action: action, OpenIDs: ids[:n], Actor: Elsewhere, Known: true})
		var unknown *mpblock.UnknownError
		if errors.As(err, &unknown) {
			return took, errUnknown.With(ids[unknown.Index], a.AppID)
		}
		if err != nil && !errors.As(err, new(*mpblock.RefusedError)) { // who is protected stays as they are
			return took, fmt.Errorf("drift: %w", err)
		}
		took, ids = append(took, c.OpenIDs...), ids[n:]
	}
	return took, nil
}

var errUnknown = mpblock.NewError(mpblock.NotFound, "drift.openid", "%s is neither a follower of %s nor blocked")

// pick returns up to n OpenIDs of a page.
func pick(p quoted.Page, n int, dice *rand.Rand) []mpblock.OpenID {
	all := p.Page().OpenIDs
	dice.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all[:min(n, len(all))]
}

// unblockedOf returns up to n OpenIDs of a page that are not blocked, nor were a moment
// ago.
func unblockedOf(ctx context.Context, l *lists.Service, a *mpblock.Account, p quoted.Page, n int, not []mpblock.OpenID, dice *rand.Rand) ([]mpblock.OpenID, error) {
	all := pick(p, p.Len(), dice)
	states, err := l.States(ctx, a.AppID, all)
	if err != nil {
		return nil, err
	}
	was := make(map[mpblock.OpenID]bool, len(not))
	for _, id := range not {
		was[id] = true
	}
	var free []mpblock.OpenID
	for i, id := range all {
		if len(free) < n && !states[i].Blocked && !was[id] {
			free = append(free, id)
		}
	}
	return free, nil
}
