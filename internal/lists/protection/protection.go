// Package protection holds whom nobody is to block by accident: the staff, partners and
// testers of an account, each with who has protected them, why and since when.
//
// It promises that no block goes past Guard, through which lists sends all of them: on
// this node as of now, and on every other within half a second (see kept); and that each
// change of who is protected is told once, in its order, whoever is killed (see told). Who
// may protect whom it leaves to others.
package protection

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"mpblock"
	"mpblock/internal/record"
)

// Limits of protection.
const (
	MaxPeople = 1_000 // of an account
	MaxAtOnce = 100   // OpenIDs that are protected, or no more, with one call
	MaxWhy    = 80    // characters
)

// ErrProtected is the error of a block of somebody who is protected. Its arguments are the
// OpenID, who has protected it, and why.
var ErrProtected = mpblock.NewError(mpblock.Conflict, "openid.protected", "%s is protected by %s (%s) and cannot be blocked")

var (
	errWhy     = mpblock.NewError(mpblock.Invalid, "protection.why", "why somebody is protected is one line of 1 to %d characters, without tabs")
	errAtOnce  = mpblock.NewError(mpblock.Limited, "protection.size", "%d OpenIDs: want 1 to %d at once")
	errFull    = mpblock.NewError(mpblock.Limited, "protection.full", "account %s would have %d protected people, and may have %d: unprotect some of them first")
	errForeign = mpblock.NewError(mpblock.Invalid, "openid.foreign.protected", "%s is an OpenID of another account: nothing was changed")
)

// Person is somebody who is protected.
type Person struct {
	OpenID mpblock.OpenID
	By     string    // the actor who has protected them
	Why    string    // one line
	At     time.Time // since when
}

// Error returns the ErrProtected of a person.
func (p Person) Error() *mpblock.Error { return ErrProtected.With(p.OpenID.String(), p.By, p.Why) }

// Index returns the place in a list of the OpenID that an ErrProtected is about; -1: it is
// none.
func Index(err error, ids []mpblock.OpenID) int {
	var e *mpblock.Error
	if !errors.As(err, &e) || !e.Is(ErrProtected) {
		return -1
	}
	return slices.IndexFunc(ids, func(id mpblock.OpenID) bool { return id.String() == e.Args[0] })
}

// stored is a Person as a record has it.
type stored struct {
	OpenID string    `json:"openid"`
	By     string    `json:"by"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
}

// kind are the records: one for each account, with all who are protected, in byte order.
// Its key is the AppID, so it lies in the shard in which the account's lists are: one that
// is away stops no other account.
const kind = record.Kind[state]("protected")

// state is the value of such a record.
type state struct {
	People []stored `json:"people,omitempty"`
	Last   Change   `json:"last,omitzero"` // of the people; the log may not have it yet
}

// Service has the protected people of a store. Its methods are safe for concurrent use.
type Service struct {
	store mpblock.Store
	clock mpblock.Clock
	kept  sync.Map // mpblock.AppID → *kept

	// Changed is told of each account whose people have changed here, and may have; nil:
	// nobody is. It is set before there are any changes.
	Changed func(mpblock.AppID)
}

// New returns the protected people of a store; the clock, nil for the system's, dates them.
func New(store mpblock.Store, clock mpblock.Clock) *Service {
	return &Service{store: store, clock: mpblock.ClockOr(clock)}
}

// Protect protects up to MaxAtOnce people of an account, all or none, and returns those who
// were not before, and those who were, by another or for another reason: they are so from
// now on by whom and why this says. Who is blocked stays blocked.
func (s *Service) Protect(ctx context.Context, a *mpblock.Account, by, why string, ids []mpblock.OpenID) (added, again []mpblock.OpenID, err error) {
	why = strings.TrimSpace(why)
	if n := utf8.RuneCountInString(why); n == 0 || n > MaxWhy || !utf8.ValidString(why) || strings.ContainsFunc(why, unicode.IsControl) || strings.ContainsAny(why, "\u2028\u2029") {
		return nil, nil, errWhy.With(MaxWhy)
	}
	for _, id := range ids {
		if !a.Owns(id) {
			return nil, nil, errForeign.With(id.String())
		}
	}
	err = s.edit(ctx, a, ids, func(people map[mpblock.OpenID]Person, c *Change) error {
		added, again = added[:0], again[:0]
		c.Protects, c.By, c.Why = true, by, why
		for _, id := range ids {
			switch was, there := people[id]; {
			case !there:
				added = append(added, id)
			case was.By != by || was.Why != why:
				again = append(again, id)
			default:
				continue
			}
			people[id] = Person{OpenID: id, By: by, Why: why, At: c.At}
			c.name(id)
		}
		if len(people) > MaxPeople {
			return errFull.With(string(a.AppID), len(people), MaxPeople)
		}
		if len(added)+len(again) == 0 {
			return record.ErrKeep
		}
		return nil
	})
	return added, again, err
}

// Unprotect ends the protection of up to MaxAtOnce people, and returns those who were protected.
func (s *Service) Unprotect(ctx context.Context, a *mpblock.Account, by string, ids []mpblock.OpenID) (freed []mpblock.OpenID, err error) {
	err = s.edit(ctx, a, ids, func(people map[mpblock.OpenID]Person, c *Change) error {
		freed, c.By = freed[:0], by
		for _, id := range ids {
			if _, there := people[id]; there {
				freed = append(freed, id)
				delete(people, id)
				c.name(id)
			}
		}
		if len(freed) == 0 {
			return record.ErrKeep
		}
		return nil
	})
	return freed, err
}

func (s *Service) edit(ctx context.Context, a *mpblock.Account, ids []mpblock.OpenID, change func(map[mpblock.OpenID]Person, *Change) error) error {
	if err := a.MayChange(); err != nil {
		return err
	}
	if len(ids) == 0 || len(ids) > MaxAtOnce {
		return errAtOnce.With(len(ids), MaxAtOnce)
	}
	k := s.of(a.AppID)
	if err := k.lock(ctx); err != nil {
		return err
	}
	defer func() {
		k.forget() // also where nobody knows whether it was written
		k.unlock()
		if s.Changed != nil {
			s.Changed(a.AppID)
		}
	}()
	_, err := kind.Edit(ctx, s.store, string(a.AppID), func(e *record.Entry[state]) error {
		people, err := peopleOf(e.Value.People)
		if err != nil {
			return err
		}
		c, err := s.next(ctx, a.AppID, e.Value.Last)
		if err == nil {
			err = change(people, &c)
		}
		e.Value = state{Last: c}
		for _, id := range slices.SortedFunc(maps.Keys(people), mpblock.OpenID.Compare) {
			p := people[id]
			e.Value.People = append(e.Value.People, stored{id.String(), p.By, p.Why, p.At})
		}
		return err
	})
	return err
}

func peopleOf(all []stored) (map[mpblock.OpenID]Person, error) {
	people := make(map[mpblock.OpenID]Person, len(all))
	for _, p := range all {
		id, err := mpblock.ParseOpenID(p.OpenID)
		if err != nil {
			return nil, err
		}
		people[id] = Person{OpenID: id, By: p.By, Why: p.Why, At: p.At}
	}
	return people, nil
}

// People returns all who are protected of an account, in byte order.
func (s *Service) People(ctx context.Context, app mpblock.AppID) ([]Person, error) {
	people, _, err := s.read(ctx, app)
	return slices.SortedFunc(maps.Values(people), func(a, b Person) int { return a.OpenID.Compare(b.OpenID) }), err
}

// Who returns who has protected somebody, and why; false if nobody has.
func (s *Service) Who(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (Person, bool, error) {
	people, _, err := s.read(ctx, app)
	p, is := people[id]
	return p, is, err
}

// read returns who is protected of an account, and the last change of that, whatever is kept
// of it.
func (s *Service) read(ctx context.Context, app mpblock.AppID) (map[mpblock.OpenID]Person, Change, error) {
	e, err := kind.Get(ctx, s.store, string(app))
	if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
		return nil, Change{}, err
	}
	people, err := peopleOf(e.Value.People)
	return people, e.Value.Last, err
}

// Erase removes what is kept of an account.
func (s *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	s.kept.Delete(app)
	return errors.Join(kind.Erase(ctx, s.store, string(app)), record.EraseUnder(ctx, s.store, head(app), string(kindTold)))
}
