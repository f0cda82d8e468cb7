package feed

import (
	"context"
	"errors"
	"time"

	"mpblock"
)

// Kind is what an Event tells of its OpenIDs.
type Kind string

// The kinds.
const (
	Blocked   Kind = "blocked"
	Amended   Kind = "amended"   // another reason or end for who is blocked
	Unblocked Kind = "unblocked" // by somebody
	Expired   Kind = "expired"   // unblocked, as the end has come

	Protected   Kind = "protected" // not to be blocked, whether blocked now or not
	Unprotected Kind = "unprotected"
)

// Event is a change as followers are told of it.
type Event struct {
	mpblock.Change // of one of who is protected: time, actor, reason and OpenIDs
	Kind           Kind

	// Number is that of a change of who is protected, 0 of one of the list: each is above
	// the one before. Behind is the revision that the list had when it was made.
	Number, Behind uint64

	// Ends are the ends of those entries that a change gives back, or that belong again to
	// what they belonged to before. Who is not in it has none. It is for changes that undo
	// one; the entries of any other end with its Until.
	Ends map[mpblock.OpenID]time.Time
}

// Page is a piece of the feed.
type Page struct {
	Events []Event // in their order, without gaps; may be shared: they must not be changed
	Head   uint64  // revision of the list, as far as is known; changes behind Events are not in the page yet

	Protection uint64 // number of the last change of who is protected, likewise
}

// More tells whether there is more than a page has, whose last event has a place.
func (p Page) More(at Place) bool { return at.Revision < p.Head || at.Protection < p.Protection }

// Bounds of a page beside its limit.
const (
	pageIDs  = 10_000 // OpenIDs, beyond which no change is added
	atOnce   = 16     // changes that are read at once, each of up to mpblock.MaxWrite OpenIDs,
	mostOnce = 256    // and if they turn out to be small
)

// Where other nodes write to the store too, a revision may be of one that is ahead.
const (
	grace   = 2 * time.Second // for which such a revision is waited for
	between = 50 * time.Millisecond
)

// Read returns up to limit changes behind a place, at least one where there are some. It
// fails with ErrGone where they cannot be told.
func (s *Store) Read(ctx context.Context, app mpblock.AppID, after Place, limit int) (Page, error) {
	return s.patient(ctx, func() (Page, error) {
		page, err := s.list(ctx, app, after.Revision, limit)
		if err != nil {
			return page, err
		}
		return s.beside(ctx, app, after, page, limit)
	})
}

// patient reads again for a while what is gone.
func (s *Store) patient(ctx context.Context, read func() (Page, error)) (Page, error) {
	late := time.After(grace)
	for {
		page, err := read()
		if s.poll == 0 || !errors.Is(err, ErrGone) {
			return page, err
		}
		select {
		case <-late:
			return page, err
		case <-ctx.Done():
			return page, ctx.Err()
		case <-time.After(between):
		}
	}
}

// list returns up to limit changes of the list after a revision.
func (s *Store) list(ctx context.Context, app mpblock.AppID, after uint64, limit int) (Page, error) {
	head, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return Page{}, err
	}
	gone := func() (Page, error) { return Page{Head: head.Seq}, ErrGone.With(after, head.Seq) }
	if after > head.Seq {
		return gone()
	}
	page := Page{Head: head.Seq}
	at, ids := after, 0
	for n := atOnce; at < head.Seq && len(page.Events) < limit; n = min(2*n, mostOnce) {
		changes, err := s.Changes(ctx, app, at, min(n, limit-len(page.Events)))
		if err != nil {
			return Page{}, err
		}
		if len(changes) == 0 {
			return gone()
		}
		for _, c := range changes {
			if c.Seq != at+1 {
				return gone()
			}
			if ids += len(c.OpenIDs); ids > pageIDs && len(page.Events) > 0 {
				return page, nil
			}
			e, err := s.event(ctx, app, c)
			if err != nil {
				return Page{}, err
			}
			page.Events, at = append(page.Events, e), c.Seq
		}
		if ids > pageIDs/atOnce { // they are large ones
			n = atOnce / 2
		}
	}
	page.Head = max(page.Head, at)
	return page, nil
}

// event returns what followers are told of a change.
func (s *Store) event(ctx context.Context, app mpblock.AppID, c mpblock.Change) (Event, error) {
	e := Event{Change: c, Kind: Blocked}
	switch {
	case c.Action == mpblock.Unblock && c.Actor == mpblock.ActorExpiry:
		e.Kind = Expired
	case c.Action == mpblock.Unblock:
		e.Kind = Unblocked
	case c.Action == mpblock.Amend:
		e.Kind = Amended
	}
	if c.Action == mpblock.Unblock || c.Undoes == 0 {
		return e, nil
	}
	states, err := s.States(ctx, app, c.OpenIDs)
	if err != nil {
		return e, err
	}
	e.Ends = map[mpblock.OpenID]time.Time{}
	for i, id := range c.OpenIDs {
		until := states[i].Until
		if states[i].Seq != c.Seq { // there were changes since
			if until, err = s.untilAt(ctx, app, id, c.Seq); err != nil {
				return e, err
			}
		}
		if !until.IsZero() {
			e.Ends[id] = until
		}
	}
	return e, nil
}

// untilAt returns when the entry of an OpenID ended as of a change of it.
func (s *Store) untilAt(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, seq uint64) (time.Time, error) {
	const piece = 100
	var history []mpblock.Change
	for after := uint64(0); after < seq; {
		changes, err := s.ChangesOf(ctx, app, id, after, piece)
		if err != nil {
			return time.Time{}, err
		}
		for _, c := range changes {
			if c.Seq <= seq {
				history = append(history, c)
			}
			after = c.Seq
		}
		if len(changes) < piece {
			break
		}
	}
	return mpblock.BelongedTo(history).Until, nil
}
