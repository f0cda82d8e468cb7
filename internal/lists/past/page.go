package past

import (
	"context"
	"slices"

	"mpblock"
)

// Bounds of the work of one page.
const (
	MaxLooked  = 5_000 // entries that it looks at, about: a filter that few of them pass gives short pages
	maxOlder   = 1_000 // of them, those that have changed since: each takes a read of its own, or several
	leastPiece = 256   // entries that are looked at together, after the first
	mostPiece  = 1_000
	pieceIDs   = 10_000 // OpenIDs that a piece of the changes since is to name, about
	maxChanges = 500    // that are read together
)

// Page returns up to limit entries of a list as it was at a revision whose changes match,
// strictly after an OpenID and in byte order, and where to go on: the zero OpenID if there
// are no more. There may be fewer than limit, even none, and yet there be more.
func (r Reader) Page(ctx context.Context, app mpblock.AppID, at uint64, after mpblock.OpenID, limit int, match func(mpblock.Change) bool) (found []Held, next mpblock.OpenID, err error) {
	p := pager{Reader: r, app: app, at: at, until: at}
	for n := limit; ; n = min(max(limit, leastPiece), mostPiece) {
		var piece []Held
		if piece, next, err = p.piece(ctx, after, n); err != nil {
			return nil, mpblock.OpenID{}, err
		}
		for i, h := range piece {
			if !match(h.By) {
				continue
			}
			if found = append(found, h); len(found) == limit && i < len(piece)-1 {
				return found, h.OpenID, nil
			}
		}
		if after = next; next == (mpblock.OpenID{}) || len(found) == limit || p.looked >= MaxLooked || p.older >= maxOlder {
			return found, next, nil
		}
	}
}

// pager reads one page.
type pager struct {
	Reader
	app    mpblock.AppID
	at     uint64
	until  uint64           // the last change of which
	back   []mpblock.OpenID // has those who were unblocked
	looked int
	older  int
}

// piece returns what was among the next limit entries, and where to go on.
func (p *pager) piece(ctx context.Context, after mpblock.OpenID, limit int) ([]Held, mpblock.OpenID, error) {
	page, err := p.Store.Blacklist(ctx, p.app, after, limit)
	switch {
	case err != nil:
		return nil, mpblock.OpenID{}, err
	case p.at > page.Seq:
		return nil, mpblock.OpenID{}, ErrAhead.With(p.at, page.Seq)
	}
	if err := p.unblocked(ctx, page.Seq); err != nil {
		return nil, mpblock.OpenID{}, err
	}
	ids, more := page.OpenIDs, len(page.OpenIDs) == limit
	var last mpblock.OpenID
	if more {
		last = ids[limit-1]
	}
	if len(p.back) > 0 {
		ids = slices.Clone(ids)
		for _, id := range p.back {
			if id.Compare(after) > 0 && (!more || id.Compare(last) < 0) {
				ids = append(ids, id)
			}
		}
		if ids = mpblock.Distinct(ids); len(ids) > limit {
			ids, more = ids[:limit], true
			last = ids[limit-1]
		}
	}
	states, err := p.Store.States(ctx, p.app, ids)
	if err != nil {
		return nil, mpblock.OpenID{}, err
	}
	p.looked += len(ids)
	for _, s := range states {
		if s.Seq > p.at {
			p.older++
		}
	}
	all, err := p.hold(ctx, p.app, ids, states, p.at)
	all = slices.DeleteFunc(all, func(h Held) bool { return h.By.Seq == 0 })
	if !more {
		last = mpblock.OpenID{}
	}
	return all, last, err
}

// unblocked finds out who was unblocked since the revision, by the changes up to one. It
// reads each of them once.
func (p *pager) unblocked(ctx context.Context, until uint64) error {
	if until-p.at > MaxChanges {
		return ErrGone.With(p.at, until-MaxChanges)
	}
	for n := 16; p.until < until; {
		changes, err := p.Store.Changes(ctx, p.app, p.until, n)
		if err != nil || len(changes) == 0 {
			return err
		}
		ids := 0
		for _, c := range changes {
			if p.until = c.Seq; c.Action == mpblock.Unblock {
				p.back = append(p.back, c.OpenIDs...)
			}
			ids += len(c.OpenIDs)
		}
		if len(p.back) > maxBack {
			return ErrGone.With(p.at, until)
		}
		n = min(max(pieceIDs*len(changes)/max(ids, 1), 1), maxChanges)
	}
	return nil
}
