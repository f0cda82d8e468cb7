package protection

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"mpblock"
)

// keepFor is for how long blocks go by what was read of an account, as calls go by what
// was read of its settings. Whoever protects somebody on this node ends it.
const keepFor = 500 * time.Millisecond

// kept is what blocks go by of an account.
type kept struct {
	token  chan struct{} // of whoever reads or writes the record
	people atomic.Pointer[people]
}

type people struct {
	of    map[mpblock.OpenID]Person
	last  Change // of them
	until time.Time
}

func (s *Service) of(app mpblock.AppID) *kept {
	k, ok := s.kept.Load(app)
	if !ok {
		k, _ = s.kept.LoadOrStore(app, &kept{token: make(chan struct{}, 1)})
	}
	return k.(*kept) //nolint:forcetypeassert // the map holds nothing else
}

func (k *kept) lock(ctx context.Context) error {
	select {
	case k.token <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *kept) unlock() { <-k.token }

func (k *kept) forget() { k.people.Store(nil) }

// fresh returns what is kept, if it is to be gone by.
func (k *kept) fresh() *people {
	if p := k.people.Load(); p != nil && time.Now().Before(p.until) {
		return p
	}
	return nil
}

// protected returns who is protected of an account. One read serves all who wait for it.
func (s *Service) protected(ctx context.Context, app mpblock.AppID) (*people, error) {
	k := s.of(app)
	if p := k.fresh(); p != nil {
		return p, nil
	}
	if err := k.lock(ctx); err != nil {
		return nil, err
	}
	defer k.unlock()
	if p := k.fresh(); p != nil {
		return p, nil
	}
	until := time.Now().Add(keepFor)
	of, last, err := s.read(ctx, app)
	if err != nil {
		return nil, err
	}
	p := &people{of, last, until}
	k.people.Store(p)
	return p, nil
}

// Among returns those of some OpenIDs who are protected, as blocks go by it.
func (s *Service) Among(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (map[mpblock.OpenID]Person, error) {
	known, err := s.protected(ctx, app)
	if err != nil {
		return nil, err
	}
	among := map[mpblock.OpenID]Person{}
	for _, id := range ids {
		if p, is := known.of[id]; is {
			among[id] = p
		}
	}
	return among, nil
}

// Guard has a batch applied without those whom it would block and who are protected. They
// are a *mpblock.RefusedError beside the change of the others. Where the batch is to be
// whole, the first of them is an ErrProtected instead, and nothing is changed.
func (s *Service) Guard(ctx context.Context, app mpblock.AppID, b mpblock.Batch, whole bool, apply func(mpblock.Batch) (mpblock.Change, error)) (mpblock.Change, error) {
	if b.Action != mpblock.Block {
		return apply(b)
	}
	known, err := s.protected(ctx, app)
	if err != nil {
		return mpblock.Change{}, err
	}
	people := known.of
	first := slices.IndexFunc(b.OpenIDs, func(id mpblock.OpenID) bool { _, is := people[id]; return is })
	if first < 0 {
		return apply(b)
	}
	switch before, err := mpblock.Asked(ctx, s.store, app, b); {
	case before || errors.Is(err, mpblock.ErrReused):
		return apply(b) // as it was answered then, or with what is wrong
	case err != nil:
		return mpblock.Change{}, err
	}
	if whole {
		return mpblock.Change{}, people[b.OpenIDs[first]].Error()
	}
	refused := &mpblock.RefusedError{}
	all := b.OpenIDs
	var rest []mpblock.OpenID
	for _, id := range all {
		if p, is := people[id]; is {
			refused.Refused = append(refused.Refused, mpblock.Refused{OpenID: id, Err: p.Error()})
		} else {
			rest = append(rest, id)
		}
	}
	if b.OpenIDs = rest; len(rest) == 0 {
		return mpblock.Change{}, refused
	}
	c, err := apply(b)
	var also *mpblock.RefusedError
	switch {
	case errors.As(err, &also):
		refused.Refused = append(refused.Refused, also.Refused...)
	case err != nil:
		return c, inOrder(err, all, rest)
	}
	return c, refused
}

// inOrder returns an error of a part of a batch with the place that the OpenID has in all.
func inOrder(err error, all, rest []mpblock.OpenID) error {
	var unknown *mpblock.UnknownError
	if errors.As(err, &unknown) {
		return &mpblock.UnknownError{Index: slices.Index(all, rest[unknown.Index])}
	}
	return err
}
