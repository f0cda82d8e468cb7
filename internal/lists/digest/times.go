package digest

import (
	"context"
	"slices"
	"time"

	"mpblock"
)

// Times of a log go on, except where a clock was wrong (see mpblock.Batch.Date). The
// digest keeps where: between two such places a time is found by halving.

// maxBack is how many of these places are kept. What lies before the last that was
// forgotten is looked through one change after the other.
const maxBack = 100

// Times is how the times of a log run, up to one of its changes.
type Times struct {
	Back []uint64 `json:"back,omitempty"` // seqs of changes that are dated before the one before them
	From uint64   `json:"from,omitempty"` // Back lacks those before this seq
}

// goBack keeps a place where time goes back.
func (t *Times) goBack(seq uint64) {
	if len(t.Back) >= maxBack {
		t.From = t.Back[maxBack/2]
		t.Back = slices.Delete(t.Back, 0, maxBack/2+1)
	}
	t.Back = append(t.Back, seq)
}

// Stretch returns the beginning of a stretch of the log that ends with a change, and
// whether times are known to run on in it.
func (g *Digest) Stretch(seq uint64) (begin uint64, inOrder bool) {
	t := g.Times
	switch {
	case seq > g.Seq:
		return g.Seq + 1, false
	case seq < t.From:
		return 1, false
	}
	i, found := slices.BinarySearch(t.Back, seq)
	switch {
	case found:
		return seq, true
	case i > 0:
		return t.Back[i-1], true
	}
	return max(t.From, 1), true
}

// dated is a change with that before it, which is dated later.
type dated struct{ ahead, next mpblock.Change }

// tellAhead says in the log that a change is dated by a clock that was wrong.
func (all *Digests) tellAhead(app mpblock.AppID, d dated) {
	form := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	all.log.Warn("a change is dated later than the one that was made after it: a clock was wrong when one of the two was made. "+
		"Set the clocks of all machines (NTP). Nothing is lost: the order of changes is that of their numbers, and later ones bear their own time",
		"appid", app, "change", d.ahead.Seq, "dated", form(d.ahead.Time), "next", d.next.Seq, "next_dated", form(d.next.Time),
		"clock_here", form(all.clock.Now()))
}

// headAt returns the head of a change, the zero Change of seq 0.
func (all *Digests) headAt(ctx context.Context, app mpblock.AppID, seq uint64) (mpblock.Change, error) {
	if seq == 0 {
		return mpblock.Change{}, nil
	}
	heads, err := all.store.ChangeHeads(ctx, app, []uint64{seq})
	if err != nil {
		return mpblock.Change{}, err
	}
	return heads[0], nil
}
