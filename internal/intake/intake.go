// Package intake adds followers to an account, or removes them, by lists of many: a list
// is read and kept as a plan that says what it would do, and is carried out when somebody
// says so.
//
// It promises that nothing changes before that, that a plan is carried out for the lists
// as they are then, and that one that was interrupted can be carried out again: who
// follows already is not added twice. Who may do so it leaves to others.
package intake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/record"
)

// Limits of plans.
const (
	MaxPlan  = 200_000 // OpenIDs; a command takes any number
	MaxBad   = 10_000  // lines that are no OpenID of the account
	MaxShown = 100     // of these, that a plan keeps
	MaxMint  = 10_000  // followers at once
	PlanLife = time.Hour
)

// The kinds of records of plans. Keys are AppID and id, and the number of a chunk.
const (
	kindPlan = record.Kind[Plan]("followplan")
	kindList = record.Kind[[]byte]("followlist") // OpenIDs, one behind the other
)

// chunkSize is how many OpenIDs a record has, and one write of followers.
const chunkSize = 10_000

// Plan is what a list of followers holds, and what it would do.
type Plan struct {
	ID     string          `json:"id"`
	By     string          `json:"by"` // operator
	Remove bool            `json:"remove,omitempty"`
	Read   []lines.Summary `json:"read"`

	Total   int `json:"total"`   // different OpenIDs of the account
	New     int `json:"new"`     // that would be added, or removed
	Already int `json:"already"` // that follow already, or do not follow
	Blocked int `json:"blocked"` // of New: are on the blacklist, and stay there

	Malformed  int       `json:"malformed"`
	Foreign    int       `json:"foreign"` // lines with an OpenID of another account
	Duplicates int       `json:"duplicates"`
	Bad        []BadLine `json:"bad,omitempty"` // the first MaxShown of Malformed and Foreign
}

// BadLine is a line that is no OpenID of the account.
type BadLine struct {
	Line   int    `json:"line"`
	Source string `json:"source,omitempty"`
	Text   string `json:"text"`

	// Key and Args say what is wrong, as lines.Problem does. A line without them is an
	// OpenID of another account.
	Key  string   `json:"key,omitempty"`
	Args []string `json:"args,omitempty"`
}

// Source has the inputs of a list; see jobs.Source.
type Source interface {
	Receive() error
	Read(each func(lines.Line) error) ([]lines.Summary, error)
}

// Service has the plans of a store. Its methods are safe for concurrent use.
type Service struct {
	store mpblock.Records
	lists *lists.Service
	clock mpblock.Clock
}

// New returns the plans of a store. A nil clock is the system's.
func New(store mpblock.Records, l *lists.Service, clock mpblock.Clock) *Service {
	return &Service{store: store, lists: l, clock: mpblock.ClockOr(clock)}
}

// Draft reads a list and keeps it for PlanLife. A list that is too long, or has no OpenID
// of the account, is a refusal; an error of the source is returned as it is.
func (svc *Service) Draft(ctx context.Context, a *mpblock.Account, by string, remove bool, source Source) (Plan, error) {
	p := Plan{ID: strings.ToLower(rand.Text()[:16]), By: by, Remove: remove}
	if err := source.Receive(); err != nil {
		return Plan{}, err
	}
	var ids []mpblock.OpenID
	var err error
	p.Read, err = source.Read(func(l lines.Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case l.Problem == nil && l.OpenID.Prefix() == a.Prefix:
			if ids = append(ids, l.OpenID); len(ids) > MaxPlan {
				return errLong.With(MaxPlan)
			}
			return nil
		default:
			return p.refuse(l)
		}
	})
	if err == nil {
		ids, err = p.finish(ids)
	}
	if err == nil {
		err = svc.keep(ctx, a.AppID, &p, ids)
	}
	return p, err
}

// refuse counts a line that is no OpenID of the account.
func (p *Plan) refuse(l lines.Line) error {
	bad := BadLine{Line: l.Number, Source: l.Source, Text: l.Text}
	if l.Problem == nil {
		p.Foreign++
	} else {
		p.Malformed++
		bad.Key = l.Problem.Key
		for _, arg := range l.Problem.Args {
			bad.Args = append(bad.Args, fmt.Sprint(arg))
		}
	}
	if len(p.Bad) < MaxShown {
		p.Bad = append(p.Bad, bad)
	}
	if p.Malformed+p.Foreign > MaxBad {
		return errBad.With(MaxBad, p.Bad[0].Line, p.Bad[0].Text)
	}
	return nil
}

// finish leaves each OpenID in once.
func (p *Plan) finish(ids []mpblock.OpenID) ([]mpblock.OpenID, error) {
	switch {
	case len(ids) == 0 && p.Foreign > 0:
		foreign := slices.IndexFunc(p.Bad, func(b BadLine) bool { return b.Key == "" })
		return nil, errForeign.With(p.Bad[max(foreign, 0)].Text)
	case len(ids) == 0:
		return nil, errEmpty
	}
	read := len(ids)
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	ids = slices.Compact(ids)
	p.Total, p.Duplicates = len(ids), read-len(ids)
	return ids, nil
}

// keep counts what a plan would do, and writes it behind its list.
func (svc *Service) keep(ctx context.Context, app mpblock.AppID, p *Plan, ids []mpblock.OpenID) error {
	expires := svc.clock.Now().Add(PlanLife)
	n := 0
	for chunk := range slices.Chunk(ids, chunkSize) {
		states, err := svc.lists.States(ctx, app, chunk)
		if err != nil {
			return err
		}
		raw := make([]byte, 0, len(chunk)*mpblock.OpenIDLen)
		for i, s := range states {
			raw = append(raw, chunk[i][:]...)
			if s.Follower != p.Remove {
				p.Already++
				continue
			}
			p.New++
			if s.Blocked {
				p.Blocked++
			}
		}
		list := record.Entry[[]byte]{Key: listKey(app, p.ID, n), Value: raw, Expires: expires.Add(time.Hour)}
		if _, err := kindList.Put(ctx, svc.store, list); err != nil {
			return err
		}
		n++
	}
	_, err := kindPlan.Put(ctx, svc.store, record.Entry[Plan]{Key: planKey(app, p.ID), Value: *p, Expires: expires})
	return err
}

func planKey(app mpblock.AppID, id string) string { return string(app) + "/" + id }

func listKey(app mpblock.AppID, id string, n int) string {
	return fmt.Sprintf("%s/%06d", planKey(app, id), n)
}

func (svc *Service) read(ctx context.Context, app mpblock.AppID, id string) (record.Entry[Plan], error) {
	if id == "" || len(id) > 64 {
		return record.Entry[Plan]{}, errGone
	}
	e, err := kindPlan.Get(ctx, svc.store, planKey(app, id))
	if errors.Is(err, mpblock.ErrNotFound) {
		return e, errGone
	}
	return e, err
}

// Plan returns a plan that has not been carried out.
func (svc *Service) Plan(ctx context.Context, app mpblock.AppID, id string) (Plan, error) {
	e, err := svc.read(ctx, app, id)
	return e.Value, err
}

// Drop forgets a plan.
func (svc *Service) Drop(ctx context.Context, app mpblock.AppID, id string) error {
	e, err := svc.read(ctx, app, id)
	if err != nil {
		return err
	}
	return kindPlan.Delete(ctx, svc.store, e.Key, e.Version)
}

// Do carries a plan out, and returns it with how many followers were added or removed.
// With an error, some may have been: the plan is still there, to be carried out again.
func (svc *Service) Do(ctx context.Context, a *mpblock.Account, id string) (Plan, int, error) {
	e, err := svc.read(ctx, a.AppID, id)
	if err != nil {
		return Plan{}, 0, err
	}
	p, changed := e.Value, 0
	for n := range (p.Total + chunkSize - 1) / chunkSize {
		list, err := kindList.Get(ctx, svc.store, listKey(a.AppID, id, n))
		if err != nil {
			return p, changed, err
		}
		var ids []mpblock.OpenID
		for raw := range slices.Chunk(list.Value, mpblock.OpenIDLen) {
			ids = append(ids, mpblock.OpenID(raw))
		}
		var done int
		if p.Remove {
			done, err = svc.lists.RemoveFollowers(ctx, a, ids)
		} else {
			done, err = svc.lists.AddFollowers(ctx, a, ids)
		}
		if changed += done; err != nil {
			return p, changed, err
		}
	}
	return p, changed, kindPlan.Delete(ctx, svc.store, e.Key, e.Version)
}

// Mint registers 1 to MaxMint new followers with OpenIDs of random users.
func (svc *Service) Mint(ctx context.Context, a *mpblock.Account, n int) error {
	if n < 1 || n > MaxMint {
		return errMint.With(n, MaxMint)
	}
	return svc.lists.MintFollowers(ctx, a, n, func([]mpblock.OpenID) error { return nil })
}

// Erase forgets the lists of an account that were kept.
func (svc *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	return record.EraseUnder(ctx, svc.store, planKey(app, ""), string(kindPlan), string(kindList))
}
