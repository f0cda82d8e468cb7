package lists

import (
	"context"
	"slices"

	"mpblock"
	"mpblock/internal/lists/digest"
)

// OverviewDays is how many days an Overview covers.
const OverviewDays = 90

// Overview is how an account is doing.
type Overview struct {
	Totals
	Days    []digest.DayCount    // OverviewDays of them, the oldest first, the last is today
	Reasons []digest.ReasonCount // up to 10, the most used first
	Last    []ChangeRow          // up to 10, newest first, a job as one
	Behind  uint64               // changes that Days and Reasons do not count yet: the older the log, the longer it takes at first
}

// Sizes of an overview.
const (
	topReasons  = 10
	lastChanges = 10
)

// Overview returns how an account is doing.
func (svc *Service) Overview(ctx context.Context, app mpblock.AppID) (Overview, error) {
	var o Overview
	var err error
	if o.Totals, err = svc.Totals(ctx, app); err != nil {
		return Overview{}, err
	}
	g, behind, err := svc.digests.Of(ctx, app)
	if err != nil {
		return Overview{}, err
	}
	last, err := svc.History(ctx, app, ChangeQuery{Limit: lastChanges, Whole: true})
	if err != nil {
		return Overview{}, err
	}
	o.Behind, o.Last, o.Days = behind, last.Rows, g.LastDays(svc.clock.Now(), OverviewDays)
	for _, r := range g.Top(topReasons) {
		o.Reasons = append(o.Reasons, digest.ReasonCount{Reason: r, Count: g.Reasons[r]})
	}
	return o, nil
}

// Reasons returns up to limit earlier reasons of an account, the most used first, for
// a list of suggestions.
func (svc *Service) Reasons(ctx context.Context, app mpblock.AppID, limit int) ([]string, error) {
	counts, err := svc.ReasonCounts(ctx, app, limit)
	var reasons []string
	for _, r := range counts {
		reasons = append(reasons, r.Reason)
	}
	return reasons, err
}

// ReasonCounts returns up to limit earlier reasons of an account with how many OpenIDs
// were blocked for each, the most used first.
func (svc *Service) ReasonCounts(ctx context.Context, app mpblock.AppID, limit int) ([]digest.ReasonCount, error) {
	if err := CheckLimit(limit); err != nil {
		return nil, err
	}
	g, _, err := svc.digests.Of(ctx, app)
	if err != nil {
		return nil, err
	}
	reasons := slices.DeleteFunc(g.Top(limit+1), func(r string) bool { return r == "" })
	var counts []digest.ReasonCount
	for _, r := range reasons[:min(limit, len(reasons))] {
		counts = append(counts, digest.ReasonCount{Reason: r, Count: g.Reasons[r]})
	}
	return counts, nil
}

// CatchUp adds changes to the sums of an account's overview until they lack none. It is
// to be called now and then; nodes that do so at once count no change twice.
func (svc *Service) CatchUp(ctx context.Context, app mpblock.AppID) error {
	return svc.digests.CatchUp(ctx, app)
}
