// Package platform holds the rules of the platform, once, for every door: whose
// an OpenID is, how many may be changed at a time, who may call what and how
// often, and which access tokens are good. It speaks the domain's terms, keeps
// all its state in the store, and leaves JSON and HTTP to the doors.
//
// Every error it returns is, or becomes through mpblock.Internal, an
// *mpblock.Error with one of the platform's return codes.
package platform

import (
	"context"
	"net/netip"
	"time"

	"mpblock"
)

// MaxList is how many OpenIDs one call of the API may block or unblock, as the
// platform's documentation has it.
const MaxList = 20

// MaxPageSize is how many OpenIDs one call of the API may list, as the
// platform's documentation has it.
const MaxPageSize = 10_000

// Options are the settings of a Platform.
type Options struct {
	// PageSize is how many OpenIDs a call lists, 1 to MaxPageSize; 0 means
	// MaxPageSize.
	PageSize int
}

// Platform applies the rules to a store. Its methods are safe for concurrent use.
type Platform struct {
	store mpblock.Store
	opts  Options
}

// Open returns a Platform on a store. The key that signs access tokens is read
// from the store, or made there by the first node that opens it.
func Open(ctx context.Context, store mpblock.Store, opts Options) (*Platform, error) {
	panic("unbuilt")
}

// Close gives back what of the quotas was reserved and not used. It does not
// close the store.
func (p *Platform) Close(ctx context.Context) error { panic("unbuilt") }

// Ready tells whether the store answers.
func (p *Platform) Ready(ctx context.Context) error { panic("unbuilt") }

// Credentials are what a caller shows to get an access token.
type Credentials struct {
	GrantType string // "client_credential"
	AppID     string
	Secret    string
	IP        netip.Addr // where the caller calls from
}

// Token is an access token and how long it is still good.
type Token struct {
	Value     string // at most 512 characters; never to be logged
	ExpiresIn time.Duration
}

// Token issues a new access token; the one before it stays good for 5 minutes.
func (p *Platform) Token(ctx context.Context, c Credentials) (Token, error) { panic("unbuilt") }

// StableToken returns the account's present stable token, or a new one if it has
// less than 5 minutes left or force is set; force makes the old one bad at once,
// and is granted 20 times a day and once in 30 s, beyond which the present one
// is returned.
func (p *Platform) StableToken(ctx context.Context, c Credentials, force bool) (Token, error) {
	panic("unbuilt")
}

// Authorize checks, in this order, the access token, the caller's address, the
// account's permission for the call and its quotas, and counts the call. The
// Account it returns is shared: it must not be changed.
func (p *Platform) Authorize(ctx context.Context, token string, call mpblock.Call, ip netip.Addr) (*mpblock.Account, error) {
	panic("unbuilt")
}

// Blacklist returns a page of the account's blacklist after a cursor, "" for the
// head. The cursor need not be blocked or a follower any more.
func (p *Platform) Blacklist(ctx context.Context, a *mpblock.Account, cursor string) (mpblock.Page, error) {
	panic("unbuilt")
}

// Followers returns a page of the account's followers after a cursor, "" for the
// head.
func (p *Platform) Followers(ctx context.Context, a *mpblock.Account, cursor string) (mpblock.Page, error) {
	panic("unbuilt")
}

// Change is a call of the API to block or unblock 1 to MaxList users, all or
// none. The error is that of the first OpenID, in list order, that is refused.
func (p *Platform) Change(ctx context.Context, a *mpblock.Account, action mpblock.Action, ids []string) (mpblock.Change, error) {
	panic("unbuilt")
}

// Totals are the sizes of an account's lists.
type Totals struct{ Followers, Blocked int }

// Totals returns the sizes of an account's lists; an account that does not exist
// has empty ones.
func (p *Platform) Totals(ctx context.Context, app mpblock.AppID) (Totals, error) { panic("unbuilt") }

// NewAccount is what an account can be created with. Every zero field is chosen
// by the platform, at random where it must be unique or secret.
type NewAccount struct {
	AppID       mpblock.AppID
	Name        string
	Secret      string // 32 lower-case hexadecimal digits
	Prefix      *mpblock.Prefix
	Key         *mpblock.Key
	AnyFollower bool
}

// AddAccount creates an account and returns it with its secret, which is not
// kept and cannot be shown again. An AppID or prefix in use is refused.
func (p *Platform) AddAccount(ctx context.Context, n NewAccount) (*mpblock.Account, string, error) {
	panic("unbuilt")
}

// Account returns an account, or an error with CodeBadAppID.
func (p *Platform) Account(ctx context.Context, app mpblock.AppID) (*mpblock.Account, error) {
	panic("unbuilt")
}

// Accounts returns up to limit accounts with an AppID above after, in order.
func (p *Platform) Accounts(ctx context.Context, after mpblock.AppID, limit int) ([]*mpblock.Account, error) {
	panic("unbuilt")
}

// UpdateAccount changes an account's settings: edit is given a copy, and may be
// called again if another node wrote in between. AppID, prefix, key and secret
// cannot be changed this way.
func (p *Platform) UpdateAccount(ctx context.Context, app mpblock.AppID, edit func(*mpblock.Account) error) (*mpblock.Account, error) {
	panic("unbuilt")
}

// RotateSecret gives an account a new secret and returns it. The old one and all
// access tokens got with it are bad from then on: here at once, on other nodes
// within a second.
func (p *Platform) RotateSecret(ctx context.Context, app mpblock.AppID) (string, error) {
	panic("unbuilt")
}

// AddFollowers registers up to mpblock.MaxBatch followers, all or none, and
// returns how many were new. One of another account is refused.
func (p *Platform) AddFollowers(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (added int, err error) {
	panic("unbuilt")
}

// MintFollowers registers n new followers with OpenIDs of random users, and
// hands them to each, up to mpblock.MaxBatch at a time, once they are durable.
func (p *Platform) MintFollowers(ctx context.Context, app mpblock.AppID, n int, each func([]mpblock.OpenID) error) error {
	panic("unbuilt")
}

// Backup writes a consistent copy of the store to a new directory, where the
// store can do so.
func (p *Platform) Backup(ctx context.Context, dir string) error { panic("unbuilt") }
