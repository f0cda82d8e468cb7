package upstream

import (
	"context"
	"errors"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
)

// kindDoctor is the kind of the last reports; their keys are AppIDs.
const kindDoctor = record.Kind[doctor.Report]("doctor")

// Examine makes each call once that changes nothing, and returns what works of an account
// on the platform and what does not. What the platform says of its limits holds from then on
// for those calls of which nobody has set any.
func (s *Service) Examine(ctx context.Context, app mpblock.AppID) (doctor.Report, error) {
	e, err := kindUpstream.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return doctor.Report{}, errNone.With(app)
	}
	if err != nil {
		return doctor.Report{}, err
	}
	by, err := s.sealing(false)
	if err != nil {
		return doctor.Report{}, err
	}
	tokens, err := openSpec(by, app, e.Value)
	if err != nil {
		return doctor.Report{}, err
	}
	c, err := s.dial(app, e.Value.BaseURL, tokens, client.WithRetries(0))
	if tokens.Plain && err == nil { // another token would end the one in use
		_, c, err = s.line(ctx, app)
	}
	if err != nil {
		return doctor.Report{}, err
	}
	r := s.examine(ctx, c, app, e.Value.BaseURL, tokens)
	if err := s.learn(ctx, app, r); err != nil {
		return r, err
	}
	_, err = kindDoctor.Edit(ctx, s.store, string(app), func(was *record.Entry[doctor.Report]) error {
		r.Earlier(was.Value)
		was.Value = r
		return nil
	})
	return r, err
}

// learn takes limits and the length of a page over from a report, as far as it has them.
func (s *Service) learn(ctx context.Context, app mpblock.AppID, r doctor.Report) error {
	told := budget.Told{At: r.At}
	for _, q := range r.Quotas {
		told.Name(q.Call, q.Minute, q.Daily)
	}
	_, err := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		if len(r.Quotas) > 0 {
			e.Value.Told = told
		}
		if r.Page > 0 {
			e.Value.Page = r.Page
		}
		return nil
	})
	return err
}
