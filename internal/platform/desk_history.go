package platform

import (
	"context"
	"time"

	"mpblock"
)

// ChangeQuery asks for a page of an account's changes, newest first.
type ChangeQuery struct {
	Action mpblock.Action // 0: both
	Reason string         // a part of it, without regard to case
	Actor  string         // its beginning
	Since  time.Time
	Until  time.Time // exclusive
	Before uint64    // ChangePage.Next of the page before; 0: from the newest
	Limit  int       // 1 to MaxRows
}

// sampleSize is how many OpenIDs of a change a row shows.
const sampleSize = 5

// ChangeRow is a change without all of its OpenIDs.
type ChangeRow struct {
	Seq    uint64
	Time   time.Time
	Actor  string
	Action mpblock.Action
	Reason string
	Count  int              // of its OpenIDs
	Sample []mpblock.OpenID // the first few of them
}

// ChangePage is a page of changes.
type ChangePage struct {
	Rows    []ChangeRow
	Next    uint64    // 0: there are no more
	Reached time.Time // as in EntryPage
}

// History returns a page of an account's changes. The work of one call is bounded.
func (d *Desk) History(ctx context.Context, app mpblock.AppID, q ChangeQuery) (ChangePage, error) {
	return ChangePage{}, errSoon
}

// Change returns one change with all of its OpenIDs, at most mpblock.MaxBatch.
func (d *Desk) Change(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	return mpblock.Change{}, errSoon
}

// Timeline is what is known of one OpenID.
type Timeline struct {
	OpenID mpblock.OpenID
	mpblock.State
	Rows []ChangeRow // newest first; Count is 1
	More bool        // there are older ones than the MaxRows that are shown
}

// Timeline returns what is known of one OpenID of the account. A malformed one, or
// one of another account, is a Refusal.
func (d *Desk) Timeline(ctx context.Context, app mpblock.AppID, openid string) (Timeline, error) {
	return Timeline{}, errSoon
}
