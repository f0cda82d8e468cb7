// Package walk goes through the log of an account from the back, and picks changes.
//
// A store reads its log from the front. To show it newest first it is read in pieces
// from the back; since seqs have no gaps, a piece is found by its number. A time is found
// by halving, in each stretch of the log in which times run on: see digest.Times.
package walk

import (
	"context"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists/digest"
)

// Bounds of the work of one page, so that it answers fast however long the log is.
const (
	MaxChanges = 2_000  // that one walk meets
	MaxOpenIDs = 40_000 // that those changes name, where they are read
	firstPiece = 16     // changes that are read first
	maxPiece   = 64     // changes that are read at once,
	maxHeads   = 256    // without their OpenIDs
	pieceIDs   = 10_000 // OpenIDs that a piece is to name, about
)

// Filter picks changes.
type Filter struct {
	Action mpblock.Action // 0: all
	Reason string         // a part of it, without regard to case
	Actor  string         // see MadeBy
	Since  time.Time
	Until  time.Time

	Entries bool // those that entries may belong to
}

func (f Filter) timed() bool { return !f.Since.IsZero() || !f.Until.IsZero() }

// Match tells whether a change passes.
func (f Filter) Match(c mpblock.Change) bool {
	return !c.Time.Before(f.Since) && (f.Until.IsZero() || c.Time.Before(f.Until)) &&
		(f.Action == 0 || c.Action == f.Action) && MadeBy(c.Actor, f.Actor) &&
		(!f.Entries || c.Action != mpblock.Unblock && c.Undoes == 0) &&
		(f.Reason == "" || strings.Contains(strings.ToLower(c.Reason), strings.ToLower(f.Reason)))
}

// Walk is a way through the log from the back.
type Walk struct {
	Store   mpblock.Lists
	Digests *digest.Digests // where there are times to find
	App     mpblock.AppID
	Filter  Filter
	Heads   bool // changes come without their OpenIDs
	Endless bool // does not stop for the sake of its time

	Before  uint64    // go on with the change before this one; 0: there is none
	Stopped time.Time // how far it had come when it stopped for the sake of its time

	digest   digest.Digest
	begin    uint64 // of the stretch that it is in
	inOrder  bool   // times run on in that stretch
	walked   int
	ids      int
	perPiece int
}

// Start settles where the walk begins: before a change, or with the newest if that is 0.
func (w *Walk) Start(ctx context.Context, before uint64) error {
	head, err := w.Store.Blacklist(ctx, w.App, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	w.perPiece = firstPiece
	w.Before = head.Seq + 1
	if before != 0 {
		w.Before = min(before, w.Before)
	}
	if w.begin = w.Before; w.Filter.timed() {
		w.digest, _, err = w.Digests.Of(ctx, w.App)
	}
	return err
}

// enter goes into the stretch that ends where the walk is, past what comes too late.
func (w *Walk) enter(ctx context.Context) (err error) {
	w.begin, w.inOrder = 1, true
	if w.Filter.timed() {
		w.begin, w.inOrder = w.digest.Stretch(w.Before - 1)
	}
	if w.inOrder && !w.Filter.Until.IsZero() {
		w.Before, err = w.firstAt(ctx, w.begin, w.Before, w.Filter.Until)
	}
	return err
}

// firstAt returns the first change, of a stretch from low to before high, that is not
// before a time; high if there is none.
func (w *Walk) firstAt(ctx context.Context, low, high uint64, at time.Time) (uint64, error) {
	for low < high {
		middle := low + (high-low)/2
		c, err := w.Store.Changes(ctx, w.App, middle-1, 1)
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

// piece reads so many changes before the one where the walk is, oldest first.
func (w *Walk) piece(ctx context.Context, n uint64) ([]mpblock.Change, error) {
	if !w.Heads {
		return w.Store.Changes(ctx, w.App, w.Before-1-n, int(n)) //nolint:gosec // at most maxPiece
	}
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = w.Before - n + uint64(i)
	}
	return w.Store.ChangeHeads(ctx, w.App, seqs)
}

// Each hands the changes that pass the filter to do, newest first, until it returns
// false, the log ends, or the walk has gone far enough. Before is then where to go
// on.
func (w *Walk) Each(ctx context.Context, do func(mpblock.Change) (bool, error)) error {
	for w.Before > 1 {
		if w.Before <= w.begin {
			if err := w.enter(ctx); err != nil {
				return err
			}
			continue
		}
		piece, err := w.piece(ctx, min(uint64(w.perPiece), w.Before-w.begin)) //nolint:gosec // positive
		if err != nil {
			return err
		}
		ids := 0
		for i := len(piece) - 1; i >= 0; i-- {
			c := piece[i]
			if w.inOrder && c.Time.Before(w.Filter.Since) {
				w.Before = w.begin // on to the stretch before
				break
			}
			w.Before = c.Seq
			w.walked++
			ids += len(c.OpenIDs)
			if w.Filter.Match(c) {
				if more, err := do(c); err != nil || !more {
					return err
				}
			}
			if !w.Endless && (w.walked >= MaxChanges || w.ids+ids >= MaxOpenIDs) && c.Seq > 1 {
				w.Stopped = c.Time
				return nil
			}
		}
		w.ids += ids
		if w.perPiece = min(max(pieceIDs*len(piece)/max(ids, 1), 1), maxPiece); w.Heads {
			w.perPiece = min(4*len(piece), maxHeads)
		}
	}
	w.Before = 0
	return nil
}
