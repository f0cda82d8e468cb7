package lists

import (
	"context"
	"maps"
	"slices"

	"mpblock"
	"mpblock/internal/record"
)

// kindDigest is the kind of the records that sum up the changes of accounts; their
// keys are AppIDs.
const kindDigest = record.Kind[digest]("digest")

// Limits of a digest.
const (
	digestDays    = 400   // on which something was changed
	digestReasons = 1_000 // of more different ones, or longer ones in all, the rarest are forgotten
	digestBytes   = 100_000
	digestWork    = 2_000 // changes that one call adds at most
	digestIDs     = 100_000
	digestPiece   = 64
)

// digest is what the changes of an account up to one of them add up to.
type digest struct {
	Seq     uint64            `json:"seq"`
	Days    map[string][2]int `json:"days"`    // OpenIDs blocked and unblocked
	Reasons map[string]int    `json:"reasons"` // OpenIDs blocked
	Times   times             `json:"times"`
}

func (g *digest) add(c mpblock.Change) {
	day := mpblock.Day(c.Time)
	counts := g.Days[day]
	if c.Action == mpblock.Block {
		counts[0] += len(c.OpenIDs)
		if c.Undoes == 0 { // else the entries have their reasons
			g.Reasons[c.Reason] += len(c.OpenIDs)
		}
	} else {
		counts[1] += len(c.OpenIDs)
	}
	g.Days[day] = counts
	g.Seq = c.Seq
}

// trim keeps the digest small: it fits into a record, whatever the reasons.
func (g *digest) trim() {
	for _, day := range g.oldDays() {
		delete(g.Days, day)
	}
	bytes := 0
	for r := range g.Reasons {
		bytes += len(r)
	}
	if len(g.Reasons) <= digestReasons && bytes <= digestBytes {
		return
	}
	kept := map[string]int{}
	bytes = 0
	for _, r := range g.top(digestReasons / 2) { // half of them, so that it is not done for each change
		if bytes += len(r); bytes > digestBytes/2 {
			break
		}
		kept[r] = g.Reasons[r]
	}
	g.Reasons = kept
}

// oldDays returns those of more than digestDays that are the oldest: by their number,
// so that a day that a wrong clock has made takes the place of no more than one.
func (g *digest) oldDays() []string {
	days := slices.Sorted(maps.Keys(g.Days))
	return days[:max(len(days)-digestDays, 0)]
}

// digest returns an account's digest, after having added changes that are new, and
// how many it lacks still.
func (svc *Service) digest(ctx context.Context, app mpblock.AppID) (g digest, behind uint64, err error) {
	var back []dated
	_, err = kindDigest.Edit(ctx, svc.store, string(app), func(e *record.Entry[digest]) error {
		g, back = e.Value, nil
		g.Times.Back = slices.Clone(g.Times.Back)
		if g.Days == nil {
			g.Days = map[string][2]int{}
		}
		if g.Reasons == nil {
			g.Reasons = map[string]int{}
		}
		head, err := svc.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
		if err != nil {
			return err
		}
		if head.Seq <= g.Seq {
			behind = 0
			return record.ErrKeep
		}
		if back, err = svc.catchUp(ctx, app, &g); err != nil {
			return err
		}
		g.trim()
		e.Value, behind = g, max(head.Seq, g.Seq)-g.Seq
		return nil
	})
	if err == nil {
		for _, d := range back { // once: the digest that is kept has them
			svc.tellAhead(app, d)
		}
	}
	return g, behind, err
}

// catchUp adds changes to a digest, as many as one call may, and returns where their
// times go back.
func (svc *Service) catchUp(ctx context.Context, app mpblock.AppID, g *digest) (back []dated, err error) {
	last, err := svc.headAt(ctx, app, g.Seq)
	if err != nil {
		return nil, err
	}
	for changes, ids := 0, 0; changes < digestWork && ids < digestIDs; {
		piece, err := svc.store.Changes(ctx, app, g.Seq, digestPiece)
		if err != nil {
			return nil, err
		}
		for _, c := range piece {
			if c.Time.Before(last.Time) {
				g.Times.goBack(c.Seq)
				back = append(back, dated{last, c})
			}
			g.add(c)
			ids += len(c.OpenIDs)
			last = c
		}
		changes += len(piece)
		if len(piece) < digestPiece {
			return back, nil
		}
	}
	return back, nil
}

// CatchUp adds changes to the sums of an account's overview until they lack none. It is
// to be called now and then; nodes that do so at once count no change twice.
func (svc *Service) CatchUp(ctx context.Context, app mpblock.AppID) error {
	for {
		if _, behind, err := svc.digest(ctx, app); err != nil || behind == 0 {
			return err
		}
	}
}
