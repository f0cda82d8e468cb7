package lists

import (
	"context"
	"iter"
	"strings"

	"mpblock"
)

// MaxRows is how many rows a page of the console may have.
const MaxRows = 200

// CheckLimit refuses a page of none or of more than MaxRows rows.
func CheckLimit(limit int) error {
	if limit < 1 || limit > MaxRows {
		return errRows.With(limit, MaxRows)
	}
	return nil
}

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

// FollowerRows returns a page of an account's followers with whether they are blocked.
func (svc *Service) FollowerRows(ctx context.Context, app mpblock.AppID, q FollowerQuery) (FollowerPage, error) {
	if err := CheckLimit(q.Limit); err != nil {
		return FollowerPage{}, err
	}
	page, next, err := prefixPage(ctx, svc.store.Followers, app, q.Prefix, q.After, q.Limit)
	if err != nil {
		return FollowerPage{}, err
	}
	out := FollowerPage{Total: page.Total, Next: next}
	ids := page.OpenIDs
	states, err := svc.store.States(ctx, app, ids)
	for i := range states {
		out.Rows = append(out.Rows, FollowerRow{OpenID: ids[i], Blocked: states[i].Blocked})
	}
	return out, err
}

// Sample returns a follower who is not blocked, to try calls with, of the first MaxRows;
// the zero OpenID if there is none.
func (svc *Service) Sample(ctx context.Context, app mpblock.AppID) (mpblock.OpenID, error) {
	page, err := svc.FollowerRows(ctx, app, FollowerQuery{Limit: MaxRows})
	for _, row := range page.Rows {
		if !row.Blocked {
			return row.OpenID, err
		}
	}
	return mpblock.OpenID{}, err
}

// belowAll stands below every character of an OpenID.
const belowAll = '!'

// beforePrefix returns a cursor after which the OpenIDs with a prefix begin.
func beforePrefix(prefix string) mpblock.OpenID {
	var id mpblock.OpenID
	n := copy(id[:], prefix)
	for i := n; i < len(id); i++ {
		id[i] = belowAll
	}
	if n == len(id) {
		id[n-1]--
	}
	return id
}

// prefixPage reads a page of the OpenIDs that begin with a prefix. next is where to go
// on, the zero OpenID if there are no more.
func prefixPage(ctx context.Context, read pager, app mpblock.AppID, prefix string, after mpblock.OpenID, limit int) (mpblock.Page, mpblock.OpenID, error) {
	prefix = strings.TrimSpace(prefix)
	if len(prefix) > mpblock.OpenIDLen || strings.ContainsFunc(prefix, func(r rune) bool { return r <= belowAll }) {
		return mpblock.Page{}, mpblock.OpenID{}, errBegin.With(prefix, mpblock.OpenIDLen)
	}
	if first := beforePrefix(prefix); prefix != "" && after.Compare(first) < 0 {
		after = first
	}
	page, err := read(ctx, app, after, limit+1) // one more tells whether there is more
	if err != nil {
		return mpblock.Page{}, mpblock.OpenID{}, err
	}
	ids := page.OpenIDs
	for i, id := range ids {
		if !strings.HasPrefix(string(id[:]), prefix) {
			ids = ids[:i]
			break
		}
	}
	var next mpblock.OpenID
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	page.OpenIDs = ids
	return page, next, nil
}

// States returns the state of each OpenID, in the order given.
func (svc *Service) States(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) ([]mpblock.State, error) {
	return svc.store.States(ctx, app, ids)
}

// Export returns all entries that a query asks for, without regard to its After and
// Limit, in the order of Entries. An error ends it.
func (svc *Service) Export(ctx context.Context, app mpblock.AppID, q EntryQuery) iter.Seq2[EntryRow, error] {
	return func(yield func(EntryRow, error) bool) {
		q.After, q.Limit = "", exportPage
		read := svc.entryReader(app)
		read.endless = true
		for {
			page, err := read.page(ctx, q)
			if err != nil {
				yield(EntryRow{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.After = page.Next
		}
	}
}
