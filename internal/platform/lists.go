package platform

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"mpblock"
)

// Blacklist returns a page of the account's blacklist after a cursor, "" for the
// head. The cursor need not be blocked or a follower any more.
func (p *Platform) Blacklist(ctx context.Context, a *mpblock.Account, cursor string) (mpblock.Page, error) {
	return p.page(ctx, a, cursor, p.store.Blacklist)
}

// Followers returns a page of the account's followers after a cursor, "" for the
// head.
func (p *Platform) Followers(ctx context.Context, a *mpblock.Account, cursor string) (mpblock.Page, error) {
	return p.page(ctx, a, cursor, p.store.Followers)
}

type pager func(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error)

func (p *Platform) page(ctx context.Context, a *mpblock.Account, cursor string, read pager) (mpblock.Page, error) {
	var after mpblock.OpenID
	if cursor != "" {
		var err error
		if after, err = own(a, cursor); err != nil {
			return mpblock.Page{}, named(err, "the cursor")
		}
	}
	return read(ctx, a.AppID, after, p.pageSize)
}

// own reads an OpenID that is to be one of the account's. Its error is a
// *mpblock.Error.
func own(a *mpblock.Account, s string) (mpblock.OpenID, error) {
	id, err := mpblock.ParseOpenID(s)
	if err != nil {
		return id, mpblock.Refuse(mpblock.CodeBadOpenID, "%v", err)
	}
	if id.Prefix() != a.Prefix {
		return id, mpblock.Refuse(mpblock.CodeNotThisAppOpenID, "an OpenID of another account: those of %s begin with other characters", a.AppID)
	}
	return id, nil
}

// named puts before the detail of an error which input it is about.
func named(err error, format string, args ...any) error {
	var e *mpblock.Error
	if errors.As(err, &e) {
		e.Detail = fmt.Sprintf(format, args...) + ": " + e.Detail
	}
	return err
}

// Change is a call of the API to block or unblock 1 to MaxList users, all or
// none. The error is that of the first OpenID, in list order, that is refused.
// A call that changes nothing returns the zero Change.
func (p *Platform) Change(ctx context.Context, a *mpblock.Account, action mpblock.Action, ids []string) (mpblock.Change, error) {
	if len(ids) == 0 || len(ids) > MaxList {
		return mpblock.Change{}, mpblock.Refuse(mpblock.CodeBadListSize, "the list has %d OpenIDs, want 1 to %d", len(ids), MaxList)
	}
	parsed := make([]mpblock.OpenID, 0, MaxList)
	for i, s := range ids {
		id, err := own(a, s)
		if err != nil {
			if unknown := p.firstUnknown(ctx, a, parsed); unknown != nil {
				return mpblock.Change{}, unknown
			}
			return mpblock.Change{}, named(err, "list[%d]", i)
		}
		parsed = append(parsed, id)
	}
	change, err := p.store.Apply(ctx, a.AppID, mpblock.Batch{
		Action: action, OpenIDs: parsed, Actor: mpblock.ActorAPI, Time: time.Now(), Known: !a.AnyFollower,
	})
	var unknown *mpblock.UnknownError
	if errors.As(err, &unknown) {
		return mpblock.Change{}, unknownOpenID(a, unknown.Index)
	}
	return change, err
}

// firstUnknown returns the error for the first OpenID that the account does not
// know, if there is one: it stands before one of the wrong form, so it is the one
// to be named.
func (p *Platform) firstUnknown(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID) error {
	if a.AnyFollower || len(ids) == 0 {
		return nil
	}
	states, err := p.store.States(ctx, a.AppID, ids)
	if err != nil {
		return err
	}
	for i, s := range states {
		if !s.Follower && !s.Blocked {
			return unknownOpenID(a, i)
		}
	}
	return nil
}

func unknownOpenID(a *mpblock.Account, index int) error {
	return mpblock.Refuse(mpblock.CodeBadOpenID, "list[%d]: not a follower of %s, and not blocked", index, a.AppID)
}

// Totals are the sizes of an account's lists.
type Totals struct{ Followers, Blocked int }

// Totals returns the sizes of an account's lists; an account that does not exist
// has empty ones.
func (p *Platform) Totals(ctx context.Context, app mpblock.AppID) (Totals, error) {
	followers, err := p.store.Followers(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return Totals{}, err
	}
	blocked, err := p.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	return Totals{Followers: followers.Total, Blocked: blocked.Total}, err
}

// AddFollowers registers up to mpblock.MaxBatch followers, all or none, and
// returns how many were new. One of another account is refused.
func (p *Platform) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (added int, err error) {
	a, err := p.Account(ctx, app)
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		if id.Prefix() != a.Prefix {
			return 0, mpblock.Refuse(mpblock.CodeNotThisAppOpenID, "OpenID %d, %s, is of another account than %s", i+1, id, app)
		}
	}
	return p.store.AddFollowers(ctx, app, ids)
}

// MintFollowers registers n new followers with OpenIDs of random users, and
// hands them to each, up to mpblock.MaxBatch at a time, once they are durable.
func (p *Platform) MintFollowers(ctx context.Context, app mpblock.AppID, n int, each func([]mpblock.OpenID) error) error {
	a, err := p.Account(ctx, app)
	if err != nil {
		return err
	}
	for n > 0 {
		ids := make([]mpblock.OpenID, min(n, mpblock.MaxBatch))
		for i := range ids {
			ids[i] = mpblock.Mint(a.Prefix, a.Key, rand.Text())
		}
		if _, err := p.store.AddFollowers(ctx, app, ids); err != nil {
			return err
		}
		if err := each(ids); err != nil {
			return err
		}
		n -= len(ids)
	}
	return nil
}
