package past

import (
	"context"
	"time"

	"mpblock"
)

// Piece is a piece of a blacklist.
type Piece struct {
	OpenIDs  []mpblock.OpenID // in byte order; may be shared
	Ends     map[mpblock.OpenID]time.Time
	Total    int    // of the whole list
	Revision uint64 // of the piece: who follows the changes behind it misses none
}

// Walk returns up to limit blocked OpenIDs after one, with the ends of those that have one.
// What changes while it reads may be in it already: the changes behind its revision say so
// again.
func (r Reader) Walk(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (Piece, error) {
	page, err := r.Store.Blacklist(ctx, app, after, limit)
	if err != nil || len(page.OpenIDs) == 0 {
		return Piece{Total: page.Total, Revision: page.Seq}, err
	}
	states, err := r.Store.States(ctx, app, page.OpenIDs)
	if err != nil {
		return Piece{}, err
	}
	p := Piece{OpenIDs: page.OpenIDs, Ends: map[mpblock.OpenID]time.Time{}, Total: page.Total, Revision: page.Seq}
	for i, s := range states {
		if !s.Until.IsZero() { // of one that is not blocked any more it is zero
			p.Ends[page.OpenIDs[i]] = s.Until
		}
	}
	return p, nil
}
