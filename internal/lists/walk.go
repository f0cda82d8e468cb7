package lists

import (
	"context"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists/digest"
)

// A store reads its log from the front. To show it newest first it is read in pieces
// from the back; since seqs have no gaps, a piece is found by its number. A time is found
// by halving, in each stretch of the log in which times run on: see digest.Times.

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
	actor  string         // see MadeBy
	since  time.Time
	until  time.Time
}

func (f changeFilter) timed() bool { return !f.since.IsZero() || !f.until.IsZero() }

func (f changeFilter) match(c mpblock.Change) bool {
	return !c.Time.Before(f.since) && (f.until.IsZero() || c.Time.Before(f.until)) &&
		(f.action == 0 || c.Action == f.action) && MadeBy(c.Actor, f.actor) &&
		(f.reason == "" || strings.Contains(strings.ToLower(c.Reason), strings.ToLower(f.reason)))
}

// walk is a way through the log from the back.
type walk struct {
	svc      *Service
	app      mpblock.AppID
	filter   changeFilter
	before   uint64        // go on with the change before this one; 0: there is none
	digest   digest.Digest // where there are times to find
	begin    uint64        // of the stretch that it is in
	inOrder  bool          // times run on in that stretch
	endless  bool          // does not stop for the sake of its time
	walked   int
	ids      int
	stopped  time.Time // how far it had come when it stopped for the sake of its time
	perPiece int
}

// start settles where the walk begins: before, or the newest change if that is 0.
func (w *walk) start(ctx context.Context, before uint64) error {
	head, err := w.svc.store.Blacklist(ctx, w.app, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	w.perPiece = walkPiece
	w.before = head.Seq + 1
	if before != 0 {
		w.before = min(before, w.before)
	}
	if w.begin = w.before; w.filter.timed() {
		w.digest, _, err = w.svc.digests.Of(ctx, w.app)
	}
	return err
}

// enter goes into the stretch that ends where the walk is, past what comes too late.
func (w *walk) enter(ctx context.Context) (err error) {
	w.begin, w.inOrder = 1, true
	if w.filter.timed() {
		w.begin, w.inOrder = w.digest.Stretch(w.before - 1)
	}
	if w.inOrder && !w.filter.until.IsZero() {
		w.before, err = firstAt(ctx, w.svc.store, w.app, w.begin, w.before, w.filter.until)
	}
	return err
}

// firstAt returns the first change, of a stretch from low to before high, that is not
// before a time; high if there is none.
func firstAt(ctx context.Context, store mpblock.Store, app mpblock.AppID, low, high uint64, at time.Time) (uint64, error) {
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
		if w.before <= w.begin {
			if err := w.enter(ctx); err != nil {
				return err
			}
			continue
		}
		n := min(uint64(w.perPiece), w.before-w.begin)                      //nolint:gosec // positive
		piece, err := w.svc.store.Changes(ctx, w.app, w.before-1-n, int(n)) //nolint:gosec // at most perPiece
		if err != nil {
			return err
		}
		ids := 0
		for i := len(piece) - 1; i >= 0; i-- {
			c := piece[i]
			if w.inOrder && c.Time.Before(w.filter.since) {
				w.before = w.begin // on to the stretch before
				break
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
