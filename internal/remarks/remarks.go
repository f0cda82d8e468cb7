// Package remarks holds what the operators of an account call the people behind its
// OpenIDs: a name and a remark each, set by hand or by a file, looked up for a page,
// looked for by a part, and erased.
//
// It promises that nothing of it is in the log of changes, so that what is erased is
// gone; that no writer loses what another has written; and that the work of one call
// is bounded, however many remarks there are. Who may see and set them it leaves to
// others.
package remarks

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"mpblock"
	"mpblock/internal/record"
)

// Limits in characters. That of a remark is the platform's.
const (
	MaxRemark = 30
	MaxName   = 64
)

// ByAdmin is the actor of what is imported on the server's machine.
const ByAdmin = "admin"

// Remark is what an OpenID is called.
type Remark struct {
	Name   string    `json:"name,omitempty"`
	Remark string    `json:"remark,omitempty"`
	By     string    `json:"by"` // the actor who set it
	At     time.Time `json:"at"`
}

// Row is the remark of an OpenID.
type Row struct {
	OpenID mpblock.OpenID
	Remark
}

// kind are the records. A key is an AppID, a slash and an OpenID.
const kind = record.Kind[Remark]("remark")

func head(app mpblock.AppID) string { return string(app) + "/" }

func key(app mpblock.AppID, id mpblock.OpenID) string { return head(app) + id.String() }

// Service has the remarks of a store. Its methods are safe for concurrent use.
type Service struct {
	store mpblock.Records
	clock mpblock.Clock
}

// New returns the remarks of a store; the clock, nil for the system's, dates them.
func New(store mpblock.Records, clock mpblock.Clock) *Service {
	return &Service{store: store, clock: mpblock.ClockOr(clock)}
}

// Of returns the remarks of those OpenIDs that have one.
func (s *Service) Of(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) (map[mpblock.OpenID]Remark, error) {
	var mu sync.Mutex
	out := make(map[mpblock.OpenID]Remark)
	err := together(ctx, ids, func(ctx context.Context, id mpblock.OpenID) error {
		e, err := kind.Get(ctx, s.store, key(app, id))
		if errors.Is(err, mpblock.ErrNotFound) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		out[id] = e.Value
		return err
	})
	return out, err
}

// atOnce is how many records are read or written at the same time.
const atOnce = 32

// together does something for each value, several at the same time. The first error
// ends it.
func together[T any](ctx context.Context, values []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan T)
	for range min(atOnce, len(values)) {
		wg.Go(func() {
			for v := range next {
				if err := do(ctx, v); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, v := range values {
		if ctx.Err() != nil {
			break
		}
		next <- v
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// Check tells what is wrong with a name and a remark, and returns them without blanks
// around them.
func Check(name, remark string) (string, string, error) {
	name, remark = strings.TrimSpace(name), strings.TrimSpace(remark)
	for _, text := range []string{name, remark} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsAny(text, "\u2028\u2029") {
			return "", "", errLine
		}
	}
	if n := utf8.RuneCountInString(remark); n > MaxRemark {
		return "", "", errLength.With(n, MaxRemark)
	}
	if n := utf8.RuneCountInString(name); n > MaxName {
		return "", "", errName.With(n, MaxName)
	}
	return name, remark, nil
}

// Set sets name and remark of an OpenID of the account, whether it follows or not. With
// neither of them it is Forget.
func (s *Service) Set(ctx context.Context, a *mpblock.Account, by string, id mpblock.OpenID, name, remark string) error {
	return s.setOne(ctx, a, by, id, name, remark, func(r *Remark, name, remark string) { r.Name, r.Remark = name, remark })
}

// SetRemark is Set that leaves the name as it is.
func (s *Service) SetRemark(ctx context.Context, a *mpblock.Account, by string, id mpblock.OpenID, remark string) error {
	return s.setOne(ctx, a, by, id, "", remark, func(r *Remark, _, remark string) { r.Remark = remark })
}

func (s *Service) setOne(ctx context.Context, a *mpblock.Account, by string, id mpblock.OpenID, name, remark string, change func(r *Remark, name, remark string)) error {
	if err := a.MayChange(); err != nil {
		return err
	}
	name, remark, err := Check(name, remark)
	if err != nil {
		return err
	}
	if id.Prefix() != a.Prefix {
		return errForeign.With(id.String())
	}
	return s.set(ctx, a.AppID, by, id, func(r *Remark) { change(r, name, remark) })
}

// set changes a remark. One that stays as it is keeps who set it and when; one with
// nothing in it goes.
func (s *Service) set(ctx context.Context, app mpblock.AppID, by string, id mpblock.OpenID, change func(*Remark)) error {
	e, err := kind.Edit(ctx, s.store, key(app, id), func(e *record.Entry[Remark]) error {
		was := e.Value
		if change(&e.Value); e.Value == was {
			return record.ErrKeep
		}
		e.Value.By, e.Value.At = by, s.clock.Now().UTC()
		return nil
	})
	if err == nil && e.Version != 0 && e.Value.Name == "" && e.Value.Remark == "" {
		err = kind.Delete(ctx, s.store, e.Key, e.Version)
	}
	return err
}

// Import sets the names and remarks of many OpenIDs of the account. An empty one leaves
// what is there. A row that is refused ends it; those before it may be set.
func (s *Service) Import(ctx context.Context, a *mpblock.Account, by string, rows []Row) error {
	if err := a.MayChange(); err != nil {
		return err
	}
	for i, r := range rows {
		name, remark, err := Check(r.Name, r.Remark.Remark)
		if err != nil {
			return mpblock.At(err, "OpenID %d", i+1)
		}
		if r.OpenID.Prefix() != a.Prefix {
			return errForeign.With(r.OpenID.String())
		}
		rows[i].Name, rows[i].Remark.Remark = name, remark
	}
	return together(ctx, rows, func(ctx context.Context, row Row) error {
		return s.set(ctx, a.AppID, by, row.OpenID, func(r *Remark) {
			if row.Name != "" {
				r.Name = row.Name
			}
			if row.Remark.Remark != "" {
				r.Remark = row.Remark.Remark
			}
		})
	})
}

// Forget erases the name and remark of an OpenID, and tells whether there were any.
func (s *Service) Forget(ctx context.Context, app mpblock.AppID, id mpblock.OpenID) (bool, error) {
	for {
		r, err := kind.Get(ctx, s.store, key(app, id))
		if errors.Is(err, mpblock.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch err := s.store.Delete(ctx, string(kind), r.Key, r.Version); {
		case errors.Is(err, mpblock.ErrConflict): // written meanwhile
			continue
		case errors.Is(err, mpblock.ErrNotFound):
			return false, nil
		default:
			return err == nil, err
		}
	}
}

// all is how many remarks are read at once where all are.
const all = 1_000

// All returns the remarks of an account, of OpenIDs above after, in their order. An error
// ends it.
func (s *Service) All(ctx context.Context, app mpblock.AppID, after mpblock.OpenID) iter.Seq2[Row, error] {
	from := head(app)
	if after != (mpblock.OpenID{}) {
		from = key(app, after)
	}
	return func(yield func(Row, error) bool) {
		for e, err := range kind.UnderAfter(ctx, s.store, head(app), from, all) {
			var row Row
			if err == nil {
				row, err = rowOf(e, app)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func rowOf(e record.Entry[Remark], app mpblock.AppID) (Row, error) {
	id, err := mpblock.ParseOpenID(strings.TrimPrefix(e.Key, head(app)))
	return Row{OpenID: id, Remark: e.Value}, err
}

// Erase erases the remarks of an account.
func (s *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	return record.EraseUnder(ctx, s.store, head(app), string(kind))
}
