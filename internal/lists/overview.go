package lists

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"mpblock"
)

// OverviewDays is how many days an Overview covers.
const OverviewDays = 30

// Overview is how an account is doing.
type Overview struct {
	Totals
	Days    []DayCount    // OverviewDays of them, the oldest first, the last is today
	Reasons []ReasonCount // up to 10, the most used first
	Last    []ChangeRow   // up to 10, newest first
	Behind  uint64        // changes that Days and Reasons do not count yet: the older the log, the longer it takes at first
}

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
	digest, behind, err := svc.digest(ctx, app)
	if err != nil {
		return Overview{}, err
	}
	last, err := svc.History(ctx, app, ChangeQuery{Limit: lastChanges})
	if err != nil {
		return Overview{}, err
	}
	o.Behind, o.Last, o.Days = behind, last.Rows, digest.lastDays(svc.clock.Now())
	for _, r := range digest.top(topReasons) {
		o.Reasons = append(o.Reasons, ReasonCount{Reason: r, Count: digest.Reasons[r]})
	}
	return o, nil
}

// lastDays returns the counts of the days up to now, with those on which nothing
// happened.
func (g *digest) lastDays(now time.Time) []DayCount {
	y, m, d := now.In(mpblock.Zone).Date()
	days := make([]DayCount, 0, OverviewDays)
	for i := OverviewDays - 1; i >= 0; i-- {
		day := time.Date(y, m, d-i, 0, 0, 0, 0, mpblock.Zone)
		c := g.Days[mpblock.Day(day)]
		days = append(days, DayCount{Day: day, Blocked: c[0], Unblocked: c[1]})
	}
	return days
}

// top returns the reasons that most OpenIDs were blocked for.
func (g *digest) top(n int) []string {
	reasons := slices.SortedFunc(maps.Keys(g.Reasons), func(a, b string) int {
		if c := cmp.Compare(g.Reasons[b], g.Reasons[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return reasons[:min(n, len(reasons))]
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
func (svc *Service) ReasonCounts(ctx context.Context, app mpblock.AppID, limit int) ([]ReasonCount, error) {
	if err := CheckLimit(limit); err != nil {
		return nil, err
	}
	g, _, err := svc.digest(ctx, app)
	if err != nil {
		return nil, err
	}
	reasons := slices.DeleteFunc(g.top(limit+1), func(r string) bool { return r == "" })
	var counts []ReasonCount
	for _, r := range reasons[:min(limit, len(reasons))] {
		counts = append(counts, ReasonCount{Reason: r, Count: g.Reasons[r]})
	}
	return counts, nil
}
