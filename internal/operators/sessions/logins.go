package sessions

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// kindLogin is the kind of the records of logins; their keys are the operator's name, a
// slash, and the login's id.
const kindLogin = record.Kind[loginRecord]("login")

type loginRecord struct {
	Agent string     `json:"agent,omitempty"`
	Addr  netip.Addr `json:"addr"`
	Epoch uint64     `json:"epoch"`
	Began int64      `json:"began"` // Unix milliseconds
	Seen  int64      `json:"seen"`
}

// Login is an operator who is in, at one browser.
type Login struct {
	ID          string // no secret
	Agent       string // what the browser calls itself, at most maxAgent bytes
	Addr        netip.Addr
	Epoch       uint64 // of the operator's sessions
	Began, Seen time.Time
}

// maxAgent is how much of what a browser calls itself is kept, in bytes.
const maxAgent = 300

// seenApart is how long after a visit another one is written down.
const seenApart = time.Minute

// Logins are the logins of all operators.
type Logins struct {
	store mpblock.Records
	clock mpblock.Clock
	idle  time.Duration
}

// NewLogins returns the logins of a store; one that is not seen for a while is over.
func NewLogins(store mpblock.Records, clock mpblock.Clock, idle time.Duration) *Logins {
	return &Logins{store, clock, idle}
}

func head(name string) string { return name + "/" }

// Begin notes a login, or one that goes on under its id with another epoch, and returns
// its id. The note ends with the login.
func (l *Logins) Begin(ctx context.Context, name string, at Login, ends time.Time) (string, error) {
	if at.ID == "" {
		at.ID = rand.Text()[:16]
	}
	if len(at.Agent) > maxAgent {
		at.Agent = at.Agent[:maxAgent]
	}
	r := loginRecord{strings.ToValidUTF8(at.Agent, ""), at.Addr, at.Epoch, at.Began.UnixMilli(), l.clock.Now().UnixMilli()}
	return at.ID, kindLogin.Overwrite(ctx, l.store, record.Entry[loginRecord]{Key: head(name) + at.ID, Value: r, Expires: ends})
}

// See notes that a login is used; false if it was ended.
func (l *Logins) See(ctx context.Context, name, id string) (bool, error) {
	e, err := kindLogin.Get(ctx, l.store, head(name)+id)
	if errors.Is(err, mpblock.ErrNotFound) {
		return false, nil
	}
	now := l.clock.Now()
	if err != nil || now.Sub(time.UnixMilli(e.Value.Seen)) < seenApart {
		return true, err
	}
	e.Value.Seen = now.UnixMilli()
	if _, err = kindLogin.Put(ctx, l.store, e); errors.Is(err, mpblock.ErrConflict) {
		err = nil // another request of it, or its end, which the next one meets
	}
	return true, err
}

// Of returns the logins of an operator in an epoch, the last seen first.
func (l *Logins) Of(ctx context.Context, name string, epoch uint64) ([]Login, error) {
	var all []Login
	for e, err := range kindLogin.Under(ctx, l.store, head(name), 100) {
		if err != nil {
			return nil, err
		}
		seen := time.UnixMilli(e.Value.Seen).UTC()
		if e.Value.Epoch != epoch || l.clock.Now().Sub(seen) > l.idle {
			continue
		}
		all = append(all, Login{
			ID: strings.TrimPrefix(e.Key, head(name)), Agent: e.Value.Agent, Addr: e.Value.Addr, Epoch: e.Value.Epoch,
			Began: time.UnixMilli(e.Value.Began).UTC(), Seen: seen,
		})
	}
	slices.SortFunc(all, func(a, b Login) int { return b.Seen.Compare(a.Seen) })
	return all, nil
}

// End ends a login of an operator. That it has ended is no error.
func (l *Logins) End(ctx context.Context, name, id string) error {
	for {
		e, err := kindLogin.Get(ctx, l.store, head(name)+id)
		if errors.Is(err, mpblock.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		err = l.store.Delete(ctx, string(kindLogin), e.Key, e.Version)
		if !errors.Is(err, mpblock.ErrConflict) && !errors.Is(err, mpblock.ErrNotFound) {
			return err
		}
	}
}

// Stretch has a login last as if it had begun later.
func (l *Logins) Stretch(ctx context.Context, name, id string, by time.Duration) error {
	_, err := kindLogin.Edit(ctx, l.store, head(name)+id, func(r *record.Entry[loginRecord]) error {
		if r.Version == 0 {
			return record.ErrKeep
		}
		r.Value.Began += by.Milliseconds()
		r.Value.Seen += by.Milliseconds()
		r.Expires = r.Expires.Add(by)
		return nil
	})
	return err
}
