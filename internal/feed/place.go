package feed

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"mpblock"
)

// Place is where a follower is: it goes on behind that. It has the mark of the change that
// was told last, by which a log is known again: one that went back, as after a restore, and
// has grown beyond the place since, has another change there.
type Place struct {
	Revision   uint64 `json:"revision"`             // of the last change of the list that was told
	Mark       uint64 `json:"mark,omitempty"`       // of that change; 0: it is not known
	Protection uint64 `json:"protection,omitempty"` // number of the last change of who is protected that was told
}

// At returns the place behind a revision of which nothing else is known.
func At(revision uint64) Place { return Place{Revision: revision} }

// After returns the place behind an event that comes next.
func (p Place) After(e Event) Place {
	if e.Number != 0 {
		p.Protection = e.Number
		return p
	}
	p.Revision, p.Mark = e.Seq, markOf(e.Change)
	return p
}

// markOf tells changes with the same seq in different logs apart, by all but their OpenIDs.
func markOf(c mpblock.Change) uint64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %d %d %d %q %q", c.Time.UnixMilli(), c.Action, c.Undoes, mpblock.EndMilli(c.Until), c.Actor, c.Reason)
	return 1<<32 | uint64(h.Sum32())
}

const base = 36

// String returns the place as a follower keeps it: the revision, and the rest behind a dash
// each.
func (p Place) String() string {
	return strconv.FormatUint(p.Revision, 10) + "-" + strconv.FormatUint(p.Mark, base) + "-" + strconv.FormatUint(p.Protection, base)
}

// ParsePlace reads what String has written, or a revision alone, which is not whole.
func ParsePlace(text string) (p Place, whole, ok bool) {
	parts := strings.Split(text, "-")
	var err [3]error
	p.Revision, err[0] = strconv.ParseUint(parts[0], 10, 63)
	if whole = len(parts) == 3; whole {
		p.Mark, err[1] = strconv.ParseUint(parts[1], base, 33)
		p.Protection, err[2] = strconv.ParseUint(parts[2], base, 63)
	}
	return p, whole, errors.Join(err[:]...) == nil && (whole || len(parts) == 1)
}

// Now returns the whole place behind a revision: for who is protected, as of now.
func (s *Store) Now(ctx context.Context, app mpblock.AppID, revision uint64) (Place, error) {
	p := At(revision)
	var err error
	if p.Protection, err = s.protectedAt(ctx, app); err != nil || revision == 0 {
		return p, err
	}
	heads, err := s.ChangeHeads(ctx, app, []uint64{revision})
	var none *mpblock.NoChangeError
	if errors.As(err, &none) { // which is said by who reads behind it
		return p, nil
	}
	if err == nil {
		p.Mark = markOf(heads[0])
	}
	return p, err
}

// Place is Now, but from the beginning for revision 0.
func (s *Store) Place(ctx context.Context, app mpblock.AppID, revision uint64) (Place, error) {
	if revision == 0 {
		return Place{}, nil
	}
	return s.Now(ctx, app, revision)
}

// Verify fails with ErrGone where a place is of another log than the account's.
func (s *Store) Verify(ctx context.Context, app mpblock.AppID, p Place) error {
	_, err := s.patient(ctx, func() (Page, error) { return Page{}, s.verify(ctx, app, p) })
	return err
}

func (s *Store) verify(ctx context.Context, app mpblock.AppID, p Place) error {
	// Before the place's change is read, so that it is there if the log reaches it. A log that
	// does not may be another that will a moment later.
	head, err := s.Blacklist(ctx, app, mpblock.OpenID{}, 0)
	if err != nil {
		return err
	}
	now, err := s.Now(ctx, app, p.Revision)
	if err != nil {
		return err
	}
	gone := p.Mark != 0 && (p.Revision > head.Seq || now.Mark != 0 && p.Mark != now.Mark)
	if p.Protection != 0 && !gone {
		_, there, err := s.Event(ctx, app, 0, p.Protection)
		if err != nil {
			return err
		}
		gone = !there
	}
	if !gone {
		return nil
	}
	return ErrGone.With(p.Revision, head.Seq)
}

// Event returns the change of the list with a seq or, where a number is given, that of who is
// protected with it; not ok: there is none.
func (s *Store) Event(ctx context.Context, app mpblock.AppID, seq, number uint64) (e Event, ok bool, err error) {
	var page Page
	if number != 0 {
		page.Events, _, err = s.protection(ctx, app, number-1, 1)
	} else if page, err = s.list(ctx, app, seq-1, 1); errors.Is(err, ErrGone) {
		err = nil
	}
	if err != nil || len(page.Events) == 0 || page.Events[0].Number != number {
		return Event{}, false, err
	}
	return page.Events[0], true, nil
}

// Protection returns up to limit changes of who is protected with a number above after, and
// the number of the last; 0: there was none.
type Protection func(ctx context.Context, app mpblock.AppID, after uint64, limit int) (some []Event, last uint64, err error)

// WithProtection has followers told of who is protected too. It is called before there are
// any; then Kick, on each such change.
func (s *Store) WithProtection(p Protection) { s.protection = p }

func (s *Store) protectedAt(ctx context.Context, app mpblock.AppID) (uint64, error) {
	_, last, err := s.protection(ctx, app, 0, 0)
	return last, err
}

// beside puts the changes of who is protected between those of a page of the list: each
// behind all that had been made before it.
func (s *Store) beside(ctx context.Context, app mpblock.AppID, after Place, page Page, limit int) (Page, error) {
	told, last, err := s.protection(ctx, app, after.Protection, limit)
	if err != nil || last == after.Protection {
		page.Protection = last
		return page, err
	}
	if page.Protection = last; after.Protection > last {
		return page, ErrGone.With(after.Revision, page.Head)
	}
	list, at := page.Events, after.Revision
	if n := len(list); n > 0 {
		at = list[n-1].Seq
	}
	page.Events = nil
	for _, e := range told {
		if e.Behind > at && at < page.Head {
			break
		}
		n := 0
		for n < len(list) && list[n].Seq <= e.Behind {
			n++
		}
		page.Events = append(append(page.Events, list[:n]...), e)
		list = list[n:]
	}
	page.Events = append(page.Events, list...)
	page.Events = page.Events[:min(limit, len(page.Events))]
	return page, nil
}
