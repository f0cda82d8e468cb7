package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
)

// listed is the platform's list as it was read.
type listed struct {
	ids   map[string]bool
	total int // as the first page says
}

// The platform has answered for a day as if lists were empty or short. So one that is
// shorter than it says itself, or than here by more than this part, is not believed.
const (
	believed   = 5  // one in so many may be gone
	believeAny = 20 // so few may be gone in any case
)

var errShort = errors.New("the platform's list is shorter than it says itself")

// read walks the platform's list to its end. Walks are sets: nobody has promised an order.
func read(ctx context.Context, c *client.Client) (listed, error) {
	l := listed{ids: map[string]bool{}}
	first, err := c.List(ctx, "")
	if err != nil {
		return l, explain(err)
	}
	l.total = first.Total
	for id, err := range c.All(ctx) {
		if err != nil {
			return l, explain(err)
		}
		l.ids[string(id)] = true
	}
	if len(l.ids) < l.total-l.total/believed-believeAny || len(l.ids) == 0 && l.total > 0 {
		return l, fmt.Errorf("%w: %d of %d", errShort, len(l.ids), l.total)
	}
	return l, nil
}

// Sync reads an account's list on the platform, and makes the list here equal to it. Who
// was blocked or unblocked there by others is a change by Platform. What was changed here
// while it was read stays. Where too many would be unblocked, nobody is until sure is set.
func (s *Service) Sync(ctx context.Context, app mpblock.AppID, sure bool) (Upstream, error) {
	l, c, err := s.line(ctx, app)
	if err != nil {
		return Upstream{}, err
	}
	now := s.clock.Now().UTC()
	got, err := s.sync(ctx, app, l, c, sure)
	first := false
	state, noted := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		u := &e.Value
		first = u.Synced.IsZero()
		u.Tried, u.Problem, u.Held = now, "", got.Held
		switch {
		case err != nil:
			u.Problem = err.Error()
		case got.Held == nil:
			u.Synced, u.Total, u.Added, u.Removed, u.Unlisted = now, got.Total, got.Added, got.Removed, got.Unlisted
		}
		return nil
	})
	state.Value.Secret = nil
	if err == nil && got.Held == nil && !first { // what it finds then nobody has just done
		s.meter.Drifted(app, got.Added, got.Removed)
	}
	return state.Value, errors.Join(err, noted)
}

func (s *Service) sync(ctx context.Context, app mpblock.AppID, l *line, c *client.Client, sure bool) (Upstream, error) {
	l.mu.Lock()
	err := s.settle(ctx, app, c)
	head, at := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	l.mu.Unlock()
	if err := errors.Join(err, at); err != nil {
		return Upstream{}, err
	}
	there, err := read(ctx, c) // without the line: changes go on meanwhile
	if err != nil {
		return Upstream{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := s.settle(ctx, app, c); err != nil {
		return Upstream{}, err
	}
	if _, err := s.Of(ctx, app); err != nil { // erased while it was read, which takes long
		return Upstream{}, err
	}
	added, removed, unlisted, err := s.compare(ctx, app, there, head.Seq)
	if err != nil {
		return Upstream{}, err
	}
	u := Upstream{Total: there.total, Unlisted: unlisted, Added: len(added), Removed: len(removed)}
	if most := max(head.Total/believed, believeAny); len(removed) > most && !sure {
		u.Held = &Held{At: s.clock.Now().UTC(), Total: there.total, Removed: len(removed)}
		s.log.Warn("the platform's list has shrunk too much to be believed: nobody is unblocked until somebody says so", "appid", app, "total", there.total, "missing", len(removed))
		return u, nil
	}
	for _, step := range []struct {
		action mpblock.Action
		ids    []mpblock.OpenID
	}{{mpblock.Block, added}, {mpblock.Unblock, removed}} {
		for batch := range slices.Chunk(step.ids, mpblock.MaxWrite) {
			b := mpblock.Batch{Action: step.action, OpenIDs: batch, Actor: Platform, Time: s.clock.Now()}
			if _, err := s.store.Apply(ctx, app, b); err != nil {
				return Upstream{}, err
			}
		}
	}
	return u, nil
}

// compare returns who is blocked there and not here, and who here and not there, without
// those whose last change is after a seq. Unlisted is how many there are no OpenIDs that
// can be held here.
func (s *Service) compare(ctx context.Context, app mpblock.AppID, there listed, seq uint64) (added, removed []mpblock.OpenID, unlisted int, err error) {
	here := map[mpblock.OpenID]bool{}
	for after := (mpblock.OpenID{}); ; {
		page, err := s.store.Blacklist(ctx, app, after, mpblock.MaxWrite)
		if err != nil {
			return nil, nil, 0, err
		}
		for _, id := range page.OpenIDs {
			here[id] = true
			if after = id; !there.ids[id.String()] {
				removed = append(removed, id)
			}
		}
		if len(page.OpenIDs) < mpblock.MaxWrite {
			break
		}
	}
	for text := range there.ids {
		id, err := mpblock.ParseOpenID(text)
		switch {
		case err != nil:
			unlisted++
		case !here[id]:
			added = append(added, id)
		}
	}
	if added, err = s.unchanged(ctx, app, added, seq); err != nil {
		return nil, nil, 0, err
	}
	removed, err = s.unchanged(ctx, app, removed, seq)
	return added, removed, unlisted, err
}

// unchanged returns those whose last change is not after a seq.
func (s *Service) unchanged(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, seq uint64) (same []mpblock.OpenID, err error) {
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	for batch := range slices.Chunk(ids, mpblock.MaxWrite) {
		states, err := s.store.States(ctx, app, batch)
		if err != nil {
			return nil, err
		}
		for i, id := range batch {
			if states[i].Seq <= seq {
				same = append(same, id)
			}
		}
	}
	return same, nil
}
