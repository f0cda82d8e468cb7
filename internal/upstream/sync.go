package upstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/doubt"
)

// listed is the platform's list as it was read.
type listed struct {
	ids   map[string]bool
	stale map[string]bool // who was told of while it was read, with no change here
	total int             // as the first page says
	last  int             // as the last page with OpenIDs says: the list may change while it is read
	page  int             // OpenIDs in the first page, where there are more; 0: there are not
}

var errShort = mpblock.NewError(mpblock.Unavailable, "upstream.short", "the platform's list is shorter than it says itself: %d of %d; it is not believed until it comes whole, or somebody is sure (mpblock account sync --sure)")

// short returns an error if so many are missing of what the list says itself that a change
// while it was read does not explain it.
func (l listed) short(passing int) error {
	if n, want := len(l.ids), min(l.total, l.last); n < want-passing || n == 0 && want > 0 {
		return errShort.With(n, want)
	}
	return nil
}

// read walks the platform's list to its end. Walks are sets: nobody has promised an order.
func read(ctx context.Context, c *client.Client) (listed, error) {
	there, seen := listed{ids: map[string]bool{}, stale: map[string]bool{}}, map[client.OpenID]bool{}
	for after := client.OpenID(""); ; {
		p, err := c.List(ctx, after)
		if err != nil {
			return there, explain(err)
		}
		if after == "" {
			there.total, there.last = p.Total, p.Total
			if len(p.OpenIDs) < p.Total {
				there.page = len(p.OpenIDs)
			}
		}
		for _, id := range p.OpenIDs {
			there.ids[string(id)], there.last = true, p.Total
		}
		if len(p.OpenIDs) == 0 || p.Next == "" {
			return there, nil
		}
		if seen[p.Next] {
			return there, errDown.With("its list goes round in a circle at " + string(p.Next))
		}
		seen[p.Next], after = true, p.Next
	}
}

// Sync reads an account's list on the platform, and makes the list here equal to it. Who
// was blocked or unblocked there by others is a change by Platform. What was changed here
// while it was read stays. Where the list is not whole, or too many would be unblocked, it is read
// once more, and then nothing is taken over until sure is set.
func (s *Service) Sync(ctx context.Context, app mpblock.AppID, sure bool) (Upstream, error) {
	if _, _, err := s.line(ctx, app); err != nil {
		return Upstream{}, err
	}
	walk := Walk{At: s.clock.Now().UTC(), Sure: sure}
	err := s.walk(ctx, app, &walk)
	if err == nil && walk.Held || errors.Is(err, errBusy) {
		walk = Walk{At: s.clock.Now().UTC(), Sure: sure}
		err = s.walk(ctx, app, &walk)
	}
	if err != nil {
		trouble := doctor.Explain(err)
		walk.Problem, walk.Trouble = err.Error(), &trouble
	}
	state, noted := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		e.Value.walked(walk, s.clock.Now().UTC())
		return nil
	})
	state.Value.Secret = nil
	if err == nil && !walk.Held && !state.Value.FirstReading() { // what that finds nobody has just done
		s.meter.Drifted(app, walk.Added, walk.Removed)
	}
	return state.Value, errors.Join(err, noted)
}

// SyncDue is Sync, unless another node has asked for the list within a time.
func (s *Service) SyncDue(ctx context.Context, app mpblock.AppID, within time.Duration) error {
	if u, err := s.Of(ctx, app); err == nil && s.clock.Now().Sub(u.Tried).Abs() < within {
		return nil
	}
	_, err := s.Sync(ctx, app, false)
	return err
}

// keptWalks is how many readings are remembered.
const keptWalks = 20

// walked notes how a reading of the list went.
func (u *Upstream) walked(w Walk, now time.Time) {
	if w.At.Before(u.Moved) {
		return // it was read where the list lies no more
	}
	u.Tried, u.Problem, u.Held = w.At, w.Problem, nil
	switch {
	case w.Problem != "":
	case w.Held:
		u.Held = &Held{At: w.At, Cause: w.Cause, Total: w.Total, Listed: w.Listed, Added: w.Added, Removed: w.Removed}
	default:
		if w.First = u.Synced.IsZero() || !u.Moved.IsZero(); w.First {
			u.First, u.Moved = now, time.Time{}
		}
		u.Synced, u.Total, u.Added, u.Removed, u.Unlisted = w.At, w.Total, w.Added, w.Removed, w.Unlisted
		if w.page > 0 {
			u.Page = w.page
		}
	}
	u.Walks = append([]Walk{w}, u.Walks...)
	u.Walks = u.Walks[:min(len(u.Walks), keptWalks)]
}

// FirstReading tells whether the reading that was taken over last was the first: what it
// found others have not just done.
func (u Upstream) FirstReading() bool {
	for _, w := range u.Walks {
		if w.Problem == "" && !w.Held {
			return w.First
		}
	}
	return false
}

// walk reads the list once, and takes it over if it can be believed.
func (s *Service) walk(ctx context.Context, app mpblock.AppID, w *Walk) error {
	h, err := s.hold(ctx, app, asker{urgent: w.Sure, reads: true, sure: w.Sure})
	if err != nil {
		return err
	}
	head, err := s.store.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err == nil && !w.Sure {
		err = h.may(ctx, budget.List, h.pages(), true)
	}
	before := h.lease.Value()
	if err == nil && len(before.Idle) > 0 {
		err = h.write(ctx, budget.Calls{}, func(w *work) { w.Idle = nil })
	}
	h.release(ctx)
	if err != nil {
		return err
	}
	at := h.to
	there, err := read(ctx, at) // without the line: changes go on meanwhile
	if err != nil {
		return err
	}
	if h, err = s.hold(ctx, app, asker{urgent: w.Sure, reads: true, sure: w.Sure}); err != nil {
		return err
	}
	defer h.release(ctx)
	latest := h.lease.Value()
	idle, known := latest.idleSince(before.Idled)
	for _, id := range idle {
		there.stale[id] = true
	}
	err = h.write(ctx, budget.Calls{}, func(w *work) { w.Idle = nil }) // and what it has cost
	if err := errors.Join(err, h.tidy(ctx)); err != nil {
		return err
	}
	if !known || h.to != at {
		return errBusy
	}
	u, err := s.Of(ctx, app)
	if err != nil { // erased while it was read, which takes long
		return err
	}
	added, removed, unlisted, err := s.compare(ctx, app, there, head.Seq)
	if err != nil {
		return err
	}
	w.page, w.Total, w.Unlisted, w.Added, w.Removed = there.page, there.total, unlisted, len(added), len(removed)
	w.Listed, w.Cause = len(there.ids), doubt.Reading{
		Total: there.total, Listed: len(there.ids), Here: head.Total, Added: len(added), Removed: len(removed),
		Short: there.short(doubt.Passing(there.total)) != nil, Moved: !u.Moved.IsZero(),
	}.Cause()
	if w.Held = !w.Sure && w.Cause != ""; w.Held {
		s.log.Warn("the platform's list is not taken over until somebody says so", "appid", app, "cause", w.Cause, "total", there.total, "listed", w.Listed, "more", w.Added, "missing", w.Removed)
		return nil
	}
	return h.takeOver(ctx, added, removed)
}

// pages is about how many calls a reading of the list takes.
func (h *hold) pages() int {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.here/h.page + 2
}

// pageSize is how many OpenIDs a page of the platform's list has: as was seen, or as its
// newest documentation says.
func (u Upstream) pageSize() int {
	if u.Page > 0 {
		return u.Page
	}
	return 1_000
}

// compare returns who is blocked there and not here, and who here and not there, without
// those whose last change is after a seq, or who were told of meanwhile. Unlisted is how many there are no OpenIDs that
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
			if after = id; !there.ids[id.String()] && !there.stale[id.String()] {
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
		case !here[id] && !there.stale[text]:
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
