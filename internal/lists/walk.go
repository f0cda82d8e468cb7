package lists

import (
	"context"
	"strings"
	"time"

	"mpblock"
)

// A store reads its log from the front. To show it newest first it is read in pieces
// from the back; since seqs have no gaps, a piece is found by its number, and since
// times never go back, a time is found by halving.

// Bounds of the work of one page, so that it answers fast however long the log is.
const (
	maxWalked  = 2_000  // changes
	maxWalkIDs = 40_000 // OpenIDs that those changes name
	walkPiece  = 16     // changes that are read first
	maxPiece   = 64     // changes that are read at once
	pieceIDs   = 10_000 // OpenIDs that a piece is to name, about
)

// changeFilter picks changes.
type changeFilter struct {
	action mpblock.Action // 0: both
	reason string         // a part of it, without regard to case
	actor  string         // its beginning
	since  time.Time
	until  time.Time
}

func (f changeFilter) match(c mpblock.Change) bool {
	return (f.action == 0 || c.Action == f.action) && strings.HasPrefix(c.Actor, f.actor) &&
		(f.reason == "" || strings.Contains(strings.ToLower(c.Reason), strings.ToLower(f.reason)))
}

// walk is a way through the log from the back.
type walk struct {
	store    mpblock.Store
	app      mpblock.AppID
	filter   changeFilter
	before   uint64 // go on with the change before this one; 0: there is none
	endless  bool   // does not stop for the sake of its time
	walked   int
	ids      int
	stopped  time.Time // how far it had come when it stopped for the sake of its time
	perPiece int
}

// start settles where the walk begins: before, or the newest change if that is 0.
func (w *walk) start(ctx context.Context, before uint64) error {
	head, err := w.store.Blacklist(ctx, w.app, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	w.perPiece = walkPiece
	w.before = head.Seq + 1
	if before != 0 {
		w.before = min(before, w.before)
	}
	if !w.filter.until.IsZero() {
		first, err := firstAt(ctx, w.store, w.app, w.before, w.filter.until)
		if err != nil {
			return err
		}
		w.before = min(w.before, first)
	}
	return nil
}

// firstAt returns the first change, of those before end, that is not before a time;
// end if there is none.
func firstAt(ctx context.Context, store mpblock.Store, app mpblock.AppID, end uint64, at time.Time) (uint64, error) {
	low, high := uint64(1), end
	for low < high {
		middle := low + (high-low)/2
		c, err := store.Changes(ctx, app, middle-1, 1)
		if err != nil {
			return 0, err
		}
		if len(c) == 0 || !c[0].Time.Before(at) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, nil
}

// each hands the changes that pass the filter to do, newest first, until it returns
// false, the log ends, or the walk has gone far enough. before is then where to go
// on.
func (w *walk) each(ctx context.Context, do func(mpblock.Change) (bool, error)) error {
	for w.before > 1 {
		n := min(uint64(w.perPiece), w.before-1)                        //nolint:gosec // positive
		piece, err := w.store.Changes(ctx, w.app, w.before-1-n, int(n)) //nolint:gosec // at most perPiece
		if err != nil {
			return err
		}
		ids := 0
		for i := len(piece) - 1; i >= 0; i-- {
			c := piece[i]
			if c.Time.Before(w.filter.since) {
				w.before = 0
				return nil
			}
			w.before = c.Seq
			w.walked++
			ids += len(c.OpenIDs)
			if w.filter.match(c) {
				if more, err := do(c); err != nil || !more {
					return err
				}
			}
			if !w.endless && (w.walked >= maxWalked || w.ids+ids >= maxWalkIDs) && c.Seq > 1 {
				w.stopped = c.Time
				return nil
			}
		}
		w.ids += ids
		w.perPiece = min(max(pieceIDs*len(piece)/max(ids, 1), 1), maxPiece)
	}
	w.before = 0
	return nil
}
