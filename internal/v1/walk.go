package v1

import (
	"context"
	"time"

	"mpblock"
	"mpblock/internal/v1/told"
)

// walked is a piece of the blacklist in byte order, for who keeps a copy.
type walked struct {
	OpenIDs     []string             `json:"openids"`
	ExpireTimes map[string]time.Time `json:"expire_times,omitempty"` // of those that have an end
	Total       int                  `json:"total"`                  // of the whole list
	Revision    uint64               `json:"revision"`
	Place       string               `json:"place"` // the changes behind it are to be followed
}

// walk answers with a piece of the blacklist after an OpenID.
func walk(ctx context.Context, x *exchange) error {
	if err := x.knows("after", "limit"); err != nil {
		return err
	}
	var after mpblock.OpenID
	if text := x.query("after"); text != "" {
		var err error
		if after, err = mpblock.ParseOpenID(text); err != nil {
			return mpblock.At(err, "after")
		}
	}
	limit, err := x.number("limit")
	switch {
	case err != nil:
		return err
	case limit > maxWalked:
		return errQuery.With("limit", "want 1 to 10000")
	case limit == 0:
		limit = maxWalked
	}
	piece, err := x.Past.Walk(ctx, x.AppID, after, int(limit))
	if err != nil {
		return err
	}
	x.at(piece.Revision)
	place, err := x.Feed.Now(ctx, x.AppID, piece.Revision)
	if err != nil {
		return err
	}
	out := walked{OpenIDs: told.Texts(piece.OpenIDs), Total: piece.Total, Revision: piece.Revision, Place: place.String()}
	if len(piece.Ends) > 0 {
		out.ExpireTimes = make(map[string]time.Time, len(piece.Ends))
		for id, end := range piece.Ends {
			out.ExpireTimes[id.String()] = end
		}
	}
	x.body = out
	return nil
}

// maxWalked is how many OpenIDs a piece has at most.
const maxWalked = 10_000
