package upstream

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/passage"
)

// Front says which calls of programs of an account are answered from the mirror, which
// are passed on, and which are not.
func (s *Service) Front(ctx context.Context, app mpblock.AppID) (passage.Front, error) {
	u, err := s.Of(ctx, app)
	f := passage.Front{Fresh: u.Fresh, Paths: u.Paths, Synced: u.Synced}
	if u.MirrorFollowers {
		f.Followers = u.Followers.Synced
	}
	return f, err
}

// kindReads is the kind of the records of what programs have used by reading lists on the
// platform, on all nodes; their keys are AppIDs.
const kindReads = record.Kind[budget.Used]("upstreamreads")

// reads returns what programs have used.
func (s *Service) reads(ctx context.Context, app mpblock.AppID) (budget.Used, error) {
	e, err := kindReads.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		err = nil
	}
	return e.Value, err
}

// mayPass counts a call of a program that reads the list, if the budget allows it. So many
// calls are left as it takes to settle a change, which all others wait for.
func (s *Service) mayPass(ctx context.Context, app mpblock.AppID, l *line) error {
	slot, err := s.leases.Peek(ctx, string(app))
	if err != nil {
		return err
	}
	head, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	limits := s.limits(l, budget.List)
	limits.Day -= min((&hold{line: l, s: s, here: head.Total}).pages(), limits.Day/5)
	_, err = kindReads.Edit(ctx, s.store, string(app), func(e *record.Entry[budget.Used]) error {
		now := s.clock.Now()
		switch limits.Judge(slot.Value.Used.Plus(e.Value, now), budget.List, 1, false, now) {
		case budget.Tomorrow:
			return errFreshDay.With(clockTime(budget.NextDay(now)))
		case budget.Minute:
			return errFreshMinute
		case budget.Go:
		}
		e.Value = e.Value.At(now)
		e.Value.Spend(budget.Calls{budget.List: 1})
		return nil
	})
	return err
}

// Pass passes a call of a program on. One that reads the list is within the budget.
func (s *Service) Pass(ctx context.Context, app mpblock.AppID, r *http.Request) (*passage.Answer, error) {
	l, c, err := s.line(ctx, app)
	if err != nil {
		return nil, err
	}
	made := client.Made{Call: strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/cgi-bin/"), "tags/members/")}
	if call, is := budget.ByName[made.Call]; is && call == budget.List {
		if err := s.mayPass(ctx, app, l); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	a, err := passage.Send(ctx, c, r)
	made.Lost, made.Took = err != nil, time.Since(began)
	var refused *client.Error
	switch {
	case err == nil:
		made.Code = a.Code
	case errors.As(err, &refused):
		made.Code, made.Lost = refused.Code, false
	}
	s.meter.Called(app, made)
	l.tally.answered(made)
	return a, err
}

// Settings change how an account's lists are read, and what is passed on of its calls; what is nil or empty stays.
type Settings struct {
	Fresh  *bool    `json:"fresh,omitempty"`
	Allow  []string `json:"allow,omitempty"`  // paths of calls that are passed on
	Forbid []string `json:"forbid,omitempty"` // those that are not any more; "all"

	MirrorFollowers *bool `json:"mirror_followers,omitempty"`
}

// Set changes settings of an account's upstream.
func (s *Service) Set(ctx context.Context, app mpblock.AppID, to Settings) error {
	for _, path := range to.Allow {
		if err := passage.Check(path); err != nil {
			return err
		}
	}
	_, err := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		u := &e.Value
		if to.Fresh != nil {
			u.Fresh = *to.Fresh
		}
		if to.MirrorFollowers != nil {
			u.MirrorFollowers = *to.MirrorFollowers
		}
		u.Paths = slices.DeleteFunc(append(slices.Clone(u.Paths), to.Allow...), func(p string) bool {
			return slices.Contains(to.Forbid, p) || slices.Contains(to.Forbid, "all") && !slices.Contains(to.Allow, p)
		})
		slices.Sort(u.Paths)
		u.Paths = slices.Compact(u.Paths)
		return nil
	})
	return err
}
