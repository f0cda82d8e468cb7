package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/internal/lease"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
)

// State is how things stand with an account on the platform: over all nodes, but for the
// codes, which are those of this process.
type State struct {
	Upstream

	Holder    string      `json:"holder,omitempty"`    // the node that works on it now; "": none, or the only one
	Unsettled *Unsettled  `json:"unsettled,omitempty"` // the change under way, or left behind
	Used      budget.Used `json:"used"`                // of its Limits
	Codes     map[int]int `json:"codes,omitempty"`     // answers by their return codes; -2: lost
}

// Unsettled is a change that is on its way to the platform.
type Unsettled struct {
	Action  mpblock.Action `json:"action"`
	Actor   string         `json:"actor"`
	Since   time.Time      `json:"since"`
	OpenIDs int            `json:"openids"`
	Done    int            `json:"done,omitempty"`    // of them, acknowledged
	Unknown int            `json:"unknown,omitempty"` // about to be sent, or sent and not answered
	Lost    time.Time      `json:"lost,omitzero"`     // since when what became of the Unknown cannot be read
	Doubt   bool           `json:"doubt,omitempty"`   // it can, and is not believed until a person says so
	Again   time.Time      `json:"again,omitzero"`    // when the list is read again, which has failed; zero: it has not
}

// Now is the time by the clock that facts are dated with.
func (s *Service) Now() time.Time { return s.clock.Now() }

// State returns how things stand with an account.
func (s *Service) State(ctx context.Context, app mpblock.AppID) (State, error) {
	u, err := s.Of(ctx, app)
	if err != nil {
		return State{}, err
	}
	slot, err := s.leases.Peek(ctx, string(app))
	if err != nil {
		return State{}, err
	}
	reads, err := s.reads(ctx, app)
	if err != nil {
		return State{}, err
	}
	st := State{Upstream: u, Holder: slot.Holder, Used: slot.Value.Used.Plus(reads, s.clock.Now())}
	if in := slot.Value.Intent; in != nil {
		st.Unsettled = in.unsettled()
		st.Unsettled.OpenIDs, st.Unsettled.Done, st.Unsettled.Unknown = in.Count, in.count(bulk.Done), in.count(bulk.Unknown)
	}
	s.mu.Lock()
	l := s.lines[app]
	s.mu.Unlock()
	if l != nil {
		l.tally.mu.Lock()
		st.Codes = maps.Clone(l.tally.codes)
		l.tally.mu.Unlock()
	}
	return st, nil
}

// Unsettled returns of how many OpenIDs it is not known whether the platform has done what
// it was told.
func (s *Service) Unsettled(ctx context.Context, app mpblock.AppID) (int, error) {
	slot, err := s.leases.Peek(ctx, string(app))
	if err != nil || slot.Value.Intent == nil {
		return 0, err
	}
	return slot.Value.Intent.count(bulk.Unknown), nil
}

// unsettled is an intent without its counts.
func (in *intent) unsettled() *Unsettled {
	u := &Unsettled{Action: in.Action, Actor: in.Actor, Since: in.Since}
	if a := in.Again; a != nil {
		u.Again, u.Lost, u.Doubt = a.At, a.Since, a.Short != nil || a.Fewer != nil
	}
	return u
}

// UnsettledOf returns the change on its way to the platform as far as it is about one OpenID,
// nil if none is, or the platform has answered about it.
func (s *Service) UnsettledOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (*Unsettled, error) {
	slot, err := s.leases.Peek(ctx, string(app))
	if err != nil || slot.Value.Intent == nil {
		return nil, err
	}
	in := slot.Value.Intent
	items, err := s.itemsOf(ctx, *in)
	if errors.Is(err, mpblock.ErrNotFound) {
		return nil, nil // it was settled meanwhile
	}
	for _, it := range items {
		if it.OpenID != client.OpenID(id.String()) || it.Status != bulk.Todo && it.Status != bulk.Unknown {
			continue
		}
		u := in.unsettled()
		if u.OpenIDs = 1; it.Status == bulk.Unknown {
			u.Unknown = 1
		}
		return u, err
	}
	return nil, err
}

// Settle ends what nodes have left behind that were killed: their leases end, and another
// takes over. It is to be called now and then on every node; the first time it ends too
// what was left open by whoever had given it up, or was killed and alone. What could not be
// settled it tries again when that is due.
func (s *Service) Settle(ctx context.Context) error {
	first, now := !s.settled.Swap(true), s.clock.Now()
	open := func(w work) bool {
		return w.Intent != nil && (first || w.Intent.Again != nil && w.Intent.Again.due(now))
	}
	keys, err := s.leases.Abandoned(ctx, open)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keys {
		h, err := s.hold(ctx, mpblock.AppID(key), asker{})
		if err == nil {
			h.release(ctx)
		} else if mpblock.KindOf(err) != mpblock.NotFound { // it is being erased
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// SetLimits sets how many calls of the platform are made for an account at most.
func (s *Service) SetLimits(ctx context.Context, app mpblock.AppID, limits budget.Limits) error {
	_, err := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		if limits.Minute < 0 || limits.Day < 0 {
			return errLimits.With(limits.Minute, limits.Day)
		}
		e.Value.Limits = limits
		return nil
	})
	return err
}

// SettleEvery is how often Settle is to be called: so a killed node's work is taken over
// within twice the life of a lease.
const SettleEvery = lease.Life / 2
