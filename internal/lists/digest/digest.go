// Package digest sums up the log of changes of an account: how many OpenIDs were blocked
// and unblocked on each day, how many were blocked for each reason, and where the times
// of the log go back.
//
// It promises that a digest counts each change once, whichever node adds it, that it fits
// into a record, and that the work of one call is bounded, however long the log is: what
// a digest lacks still, it says.
package digest

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// kindDigest is the kind of the records that sum up the changes of accounts; their
// keys are AppIDs.
const kindDigest = record.Kind[Digest]("digest")

// Work is how many changes one call adds at most; it adds fewer if they name many OpenIDs.
const Work = 2_000

// Limits of a digest.
const (
	maxDays    = 400   // on which something was changed
	maxReasons = 1_000 // of more different ones, or longer ones in all, the rarest are forgotten
	maxBytes   = 100_000
	maxIDs     = 100_000 // that the changes of one call name
	piece      = 64
)

// DayCount is how many OpenIDs were blocked and unblocked on a day of UTC+8.
type DayCount struct {
	Day       time.Time // its beginning
	Blocked   int
	Unblocked int
}

// ReasonCount is how many OpenIDs were blocked for a reason.
type ReasonCount struct {
	Reason string // "": none was given
	Count  int
}

// Digest is what the changes of an account up to one of them add up to.
type Digest struct {
	Seq     uint64            `json:"seq"`
	Days    map[string][2]int `json:"days"`    // OpenIDs blocked and unblocked
	Reasons map[string]int    `json:"reasons"` // OpenIDs blocked
	Times   Times             `json:"times"`
}

func (g *Digest) add(c mpblock.Change) {
	day := mpblock.Day(c.Time)
	counts := g.Days[day]
	switch c.Action {
	case mpblock.Block:
		counts[0] += len(c.OpenIDs)
		if c.Undoes == 0 { // else the entries have their reasons
			g.Reasons[c.Reason] += len(c.OpenIDs)
		}
	case mpblock.Unblock:
		counts[1] += len(c.OpenIDs)
	default: // an amend moves nobody
	}
	g.Days[day] = counts
	g.Seq = c.Seq
}

// trim keeps the digest small: it fits into a record, whatever the reasons.
func (g *Digest) trim() {
	for _, day := range g.oldDays() {
		delete(g.Days, day)
	}
	bytes := 0
	for r := range g.Reasons {
		bytes += len(r)
	}
	if len(g.Reasons) <= maxReasons && bytes <= maxBytes {
		return
	}
	kept := map[string]int{}
	bytes = 0
	for _, r := range g.Top(maxReasons / 2) { // half of them, so that it is not done for each change
		if bytes += len(r); bytes > maxBytes/2 {
			break
		}
		kept[r] = g.Reasons[r]
	}
	g.Reasons = kept
}

// oldDays returns those of more than maxDays that are the oldest: by their number,
// so that a day that a wrong clock has made takes the place of no more than one.
func (g *Digest) oldDays() []string {
	days := slices.Sorted(maps.Keys(g.Days))
	return days[:max(len(days)-maxDays, 0)]
}

// LastDays returns the counts of n days, the oldest first, the last is today, with those
// on which nothing happened.
func (g *Digest) LastDays(now time.Time, n int) []DayCount {
	y, m, d := now.In(mpblock.Zone).Date()
	days := make([]DayCount, 0, n)
	for i := n - 1; i >= 0; i-- {
		day := time.Date(y, m, d-i, 0, 0, 0, 0, mpblock.Zone)
		c := g.Days[mpblock.Day(day)]
		days = append(days, DayCount{Day: day, Blocked: c[0], Unblocked: c[1]})
	}
	return days
}

// Top returns up to n reasons, those that most OpenIDs were blocked for.
func (g *Digest) Top(n int) []string {
	reasons := slices.SortedFunc(maps.Keys(g.Reasons), func(a, b string) int {
		if c := cmp.Compare(g.Reasons[b], g.Reasons[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return reasons[:min(n, len(reasons))]
}

// Digests are those of the accounts of a store. Its methods are safe for concurrent use.
type Digests struct {
	store mpblock.Store
	clock mpblock.Clock
	log   *slog.Logger
}

// New returns the digests of a store. The log is told of clocks that were wrong.
func New(store mpblock.Store, clock mpblock.Clock, log *slog.Logger) *Digests {
	return &Digests{store: store, clock: clock, log: log}
}

// Of returns an account's digest, after having added changes that are new, and
// how many it lacks still.
func (all *Digests) Of(ctx context.Context, app mpblock.AppID) (g Digest, behind uint64, err error) {
	var back []dated
	_, err = kindDigest.Edit(ctx, all.store, string(app), func(e *record.Entry[Digest]) error {
		g, back = e.Value, nil
		g.Times.Back = slices.Clone(g.Times.Back)
		if g.Days == nil {
			g.Days = map[string][2]int{}
		}
		if g.Reasons == nil {
			g.Reasons = map[string]int{}
		}
		head, err := all.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		if err != nil {
			return err
		}
		if head.Seq <= g.Seq {
			behind = 0
			return record.ErrKeep
		}
		if back, err = all.catchUp(ctx, app, &g); err != nil {
			return err
		}
		g.trim()
		e.Value, behind = g, max(head.Seq, g.Seq)-g.Seq
		return nil
	})
	if err == nil {
		for _, d := range back { // once: the digest that is kept has them
			all.tellAhead(app, d)
		}
	}
	return g, behind, err
}

// catchUp adds changes to a digest, as many as one call may, and returns where their
// times go back.
func (all *Digests) catchUp(ctx context.Context, app mpblock.AppID, g *Digest) (back []dated, err error) {
	last, err := all.headAt(ctx, app, g.Seq)
	if err != nil {
		return nil, err
	}
	for changes, ids := 0, 0; changes < Work && ids < maxIDs; {
		read, err := all.store.Changes(ctx, app, g.Seq, piece)
		if err != nil {
			return nil, err
		}
		for _, c := range read {
			if c.Time.Before(last.Time) {
				g.Times.goBack(c.Seq)
				back = append(back, dated{last, c})
			}
			g.add(c)
			ids += len(c.OpenIDs)
			last = c
		}
		changes += len(read)
		if len(read) < piece {
			return back, nil
		}
	}
	return back, nil
}

// CatchUp adds changes to an account's digest until it lacks none.
func (all *Digests) CatchUp(ctx context.Context, app mpblock.AppID) error {
	for {
		if _, behind, err := all.Of(ctx, app); err != nil || behind == 0 {
			return err
		}
	}
}

// Erase removes the digest of an account from a store.
func Erase(ctx context.Context, store mpblock.Records, app mpblock.AppID) error {
	return kindDigest.Erase(ctx, store, string(app))
}
