// Package lists holds what is on an account's lists and why: it changes blacklists and
// followers, shows them with who blocked whom, when and for what reason, walks through
// the log of changes, sums it up for the overview, and undoes changes.
//
// It promises that every change goes through Apply, behind which the account's Truth
// stands, is made of all its OpenIDs or of none, and is in the log with its actor; and
// that the work of one call is bounded, however long a list or its log is.
//
// Who may call or work, and which accounts there are, it leaves to others: it is given
// the account. Lists too long for one call are the matter of the package jobs.
package lists

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"mpblock"
	"mpblock/internal/lists/digest"
	"mpblock/internal/lists/protection"
	"mpblock/internal/lists/truth"
	"mpblock/internal/quoted"
)

// Limits of one call of the API, as the platform's documentation has them.
const (
	MaxBatch    = 20     // OpenIDs that it blocks or unblocks
	MaxUsers    = 100    // users of whom it tells
	MaxPageSize = 10_000 // OpenIDs that it lists
)

// Options are the settings of a Service.
type Options struct {
	// PageSize is how many OpenIDs a call of the API lists, 1 to MaxPageSize; 0
	// means MaxPageSize.
	PageSize int

	// Upstream is the Truth of accounts whose list lies elsewhere; nil: there are none.
	Upstream truth.Truth

	// Quoted has the pages of blacklists in the form in which they are sent. If it
	// is nil, those of the store are brought into that form.
	Quoted Quoted

	// Clock dates changes; nil: the system's.
	Clock mpblock.Clock

	// Log gets what an admin should know; nil: nobody does.
	Log *slog.Logger
}

// Quoted is what the cache in front of a store has beside Blacklist.
type Quoted interface {
	Quoted(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (quoted.Page, error)
}

// Service has the lists of a store. Its methods are safe for concurrent use.
type Service struct {
	store    mpblock.Store
	local    truth.Truth
	quoted   quotedPager
	pageSize int
	upstream truth.Truth // nil: there is none
	clock    mpblock.Clock
	digests  *digest.Digests

	protection *protection.Service
}

// New returns the lists of a store. A page size out of range is a refusal.
func New(store mpblock.Store, opts Options) (*Service, error) {
	if opts.PageSize == 0 {
		opts.PageSize = MaxPageSize
	}
	if opts.PageSize < 0 || opts.PageSize > MaxPageSize {
		return nil, errPageSize.With(opts.PageSize, MaxPageSize)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	clock := mpblock.ClockOr(opts.Clock)
	svc := &Service{
		store: store, local: truth.Local{Store: store}, upstream: opts.Upstream, quoted: quote(store.Blacklist), pageSize: opts.PageSize,
		clock: clock, digests: digest.New(store, clock, opts.Log), protection: protection.New(store, clock),
	}
	if opts.Quoted != nil {
		svc.quoted = opts.Quoted.Quoted
	}
	return svc, nil
}

// Protection has who is not to be blocked.
func (svc *Service) Protection() *protection.Service { return svc.protection }

// Blacklist returns a page of the account's blacklist after a cursor, "" for the
// head. The cursor need not be blocked or a follower any more.
func (svc *Service) Blacklist(ctx context.Context, a *mpblock.Account, cursor string) (quoted.Page, error) {
	return svc.page(ctx, a, cursor, svc.quoted)
}

// Followers returns a page of the account's followers after a cursor, "" for the
// head.
func (svc *Service) Followers(ctx context.Context, a *mpblock.Account, cursor string) (quoted.Page, error) {
	return svc.page(ctx, a, cursor, quote(svc.store.Followers))
}

// Pages of a store, and pages as they are sent.
type (
	pager       func(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error)
	quotedPager func(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (quoted.Page, error)
)

func quote(read pager) quotedPager {
	return func(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (quoted.Page, error) {
		p, err := read(ctx, app, after, limit)
		return quoted.Of(p), err
	}
}

func (svc *Service) page(ctx context.Context, a *mpblock.Account, cursor string, read quotedPager) (quoted.Page, error) {
	var after mpblock.OpenID
	if cursor != "" {
		var err error
		if after, err = Own(a, cursor); err != nil {
			return quoted.Page{}, mpblock.At(err, "the cursor")
		}
	}
	return read(ctx, a.AppID, after, svc.pageSize)
}

// Own reads an OpenID that is to be one of the account's. Its error is an
// mpblock.ErrOpenIDShape or ErrForeign.
func Own(a *mpblock.Account, s string) (mpblock.OpenID, error) {
	id, err := mpblock.ParseOpenID(s)
	if err != nil {
		return id, err
	}
	if !a.Owns(id) {
		return id, ErrForeign.With(a.AppID, a.Prefix.Begins())
	}
	return id, nil
}

// Change is a call of the API to block or unblock 1 to MaxBatch users, all or
// none. The error is that of the first OpenID, in list order, that is refused.
func (svc *Service) Change(ctx context.Context, a *mpblock.Account, actor string, action mpblock.Action, ids []string) error {
	if len(ids) == 0 || len(ids) > MaxBatch {
		return errListSize.With(len(ids), MaxBatch)
	}
	parsed := make([]mpblock.OpenID, 0, MaxBatch)
	for i, s := range ids {
		id, err := Own(a, s)
		if err != nil {
			if unknown := svc.firstUnknown(ctx, a, parsed); unknown != nil {
				return unknown
			}
			return mpblock.At(err, "list[%d]", i)
		}
		parsed = append(parsed, id)
	}
	_, err := svc.apply(ctx, a, mpblock.Batch{
		Action: action, OpenIDs: parsed, Actor: actor, Known: !a.AnyFollower,
	}, true)
	var unknown *mpblock.UnknownError
	if errors.As(err, &unknown) {
		return unknownOpenID(a, unknown.Index)
	}
	if i := protection.Index(err, parsed); i >= 0 {
		return cmp.Or(svc.firstUnknown(ctx, a, parsed[:i]), mpblock.At(err, "list[%d]", i))
	}
	return err
}

// firstUnknown returns the error for the first OpenID that the account does not
// know, if there is one: it stands before one of the wrong form, so it is the one
// to be named.
func (svc *Service) firstUnknown(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID) error {
	if a.AnyFollower || len(ids) == 0 {
		return nil
	}
	states, err := svc.store.States(ctx, a.AppID, ids)
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
	return mpblock.At(errUnknown.With(a.AppID), "list[%d]", index)
}

// Totals are the sizes of an account's lists.
type Totals struct{ Followers, Blocked int }

// Totals returns the sizes of an account's lists; an account that does not exist
// has empty ones.
func (svc *Service) Totals(ctx context.Context, app mpblock.AppID) (Totals, error) {
	followers, err := svc.store.Followers(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return Totals{}, err
	}
	blocked, err := svc.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	return Totals{Followers: followers.Total, Blocked: blocked.Total}, err
}

// AddFollowers registers up to mpblock.MaxWrite followers, all or none, and
// returns how many were new. One of another account is refused.
func (svc *Service) AddFollowers(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID) (added int, err error) {
	if err := a.MayChange(); err != nil {
		return 0, err
	}
	for i, id := range ids {
		if !a.Owns(id) {
			return 0, errForeignFollower.With(i+1, id, a.AppID)
		}
	}
	return svc.store.AddFollowers(ctx, a.AppID, ids)
}

// RemoveFollowers removes up to mpblock.MaxWrite followers, all or none, and returns how
// many of them were followers. Who is blocked stays blocked.
func (svc *Service) RemoveFollowers(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID) (removed int, err error) {
	if err := a.MayChange(); err != nil {
		return 0, err
	}
	return svc.store.RemoveFollowers(ctx, a.AppID, ids)
}

// MintFollowers registers n new followers with OpenIDs of random users, and
// hands them to each, up to mpblock.MaxWrite at a time, once they are durable.
func (svc *Service) MintFollowers(ctx context.Context, a *mpblock.Account, n int, each func([]mpblock.OpenID) error) error {
	if err := a.MayChange(); err != nil {
		return err
	}
	for n > 0 {
		ids := make([]mpblock.OpenID, min(n, mpblock.MaxWrite))
		for i := range ids {
			ids[i] = mpblock.Mint(a.Prefix, a.Key, rand.Text())
		}
		if _, err := svc.store.AddFollowers(ctx, a.AppID, ids); err != nil {
			return err
		}
		if err := each(ids); err != nil {
			return err
		}
		n -= len(ids)
	}
	return nil
}
