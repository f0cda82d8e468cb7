package platform

import (
	"context"
	"iter"
	"time"

	"mpblock"
)

// MaxRows is how many rows a page of the console may have.
const MaxRows = 200

// FollowerQuery asks for a page of followers.
type FollowerQuery struct {
	Prefix string         // that the OpenIDs begin with; "" for all
	After  mpblock.OpenID // FollowerPage.Next of the page before
	Limit  int            // 1 to MaxRows
}

// FollowerRow is a follower.
type FollowerRow struct {
	OpenID  mpblock.OpenID
	Blocked bool
}

// FollowerPage is a page of followers in byte order.
type FollowerPage struct {
	Rows  []FollowerRow
	Total int            // of all followers, whatever the query
	Next  mpblock.OpenID // zero: there are no more
}

// Followers returns a page of an account's followers.
func (d *Desk) Followers(ctx context.Context, app mpblock.AppID, q FollowerQuery) (FollowerPage, error) {
	return FollowerPage{}, errSoon
}

// EntryQuery asks for a page of the blacklist. Reason, actor and times are of the
// change that blocked; without any of them the order is that of the OpenIDs, with
// one the newest come first.
type EntryQuery struct {
	Prefix string    // that the OpenIDs begin with
	Reason string    // a part of it, without regard to case
	Actor  string    // its beginning: "api", "console:", "console:anna", "job:"
	Since  time.Time // zero: from the beginning
	Until  time.Time // exclusive; zero: until now
	After  string    // EntryPage.Next of the page before
	Limit  int       // 1 to MaxRows
}

// Filtered tells whether the newest come first.
func (q EntryQuery) Filtered() bool {
	return q.Reason != "" || q.Actor != "" || !q.Since.IsZero() || !q.Until.IsZero()
}

// EntryRow is a blocked OpenID with when, who and why.
type EntryRow struct {
	OpenID mpblock.OpenID
	Seq    uint64
	Time   time.Time
	Actor  string
	Reason string
}

// EntryPage is a page of the blacklist.
type EntryPage struct {
	Rows  []EntryRow // may be fewer than asked for, even none, and yet there be a Next
	Total int        // of the whole blacklist
	Next  string     // "": there are no more; else go on from here

	// Reached is how far back a filtered search has come when it stopped for the
	// sake of its time, before the page was full; else zero.
	Reached time.Time
}

// Blacklist returns a page of an account's blacklist. The work of one call is
// bounded: a filter that few entries pass gives short pages.
func (d *Desk) Blacklist(ctx context.Context, app mpblock.AppID, q EntryQuery) (EntryPage, error) {
	return EntryPage{}, errSoon
}

// Export returns all entries that a query asks for, without regard to its After and
// Limit, in the order of Blacklist. An error ends it.
func (d *Desk) Export(ctx context.Context, app mpblock.AppID, q EntryQuery) iter.Seq2[EntryRow, error] {
	return func(yield func(EntryRow, error) bool) { yield(EntryRow{}, errSoon) }
}
