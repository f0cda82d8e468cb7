package bulk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
)

// Plan is a job before it runs.
type Plan struct {
	Items      []Item
	Duplicates int // wishes that name an OpenID again
	Terms      Terms
}

// Terms are what the changes of a job bear beside their OpenIDs, which a server without the
// native API does not take.
type Terms struct {
	Reason string
	Until  time.Time // when blocks end; zero: not by this
	For    string    // or how long they last, as the server reads it
}

// PlanOptions say how a plan is made.
type PlanOptions struct {
	// AnyPrefix plans to send OpenIDs whatever account they look like. Without it
	// one whose prefix is not that of the whole live list is refused with 49003.
	AnyPrefix bool
}

// Make plans what is asked for against the live list. An OpenID of the wrong form
// is refused with 40003 here and never sent, and so is one of another account, with
// 49003, if the live list tells whose OpenIDs are the account's own. Of two wishes
// for one OpenID the first counts.
func Make(ctx context.Context, s Server, wishes []Wish, o PlanOptions) (*Plan, error) {
	l, err := read(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("read the blacklist: %w", err)
	}
	return l.plan(wishes, o), nil
}

// Equal plans to make the live list equal to a wanted one.
func Equal(ctx context.Context, s Server, wanted []string, o PlanOptions) (*Plan, error) {
	l, err := read(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("read the blacklist: %w", err)
	}
	wishes := make([]Wish, 0, len(wanted))
	keep := make(map[string]bool, len(wanted))
	for _, id := range wanted {
		wishes = append(wishes, Wish{id, mpblock.Block})
		keep[id] = true
	}
	for _, id := range l.order {
		if !keep[string(id)] {
			wishes = append(wishes, Wish{string(id), mpblock.Unblock})
		}
	}
	return l.plan(wishes, o), nil
}

// live is a blacklist as it was read.
type live struct {
	order   []client.OpenID
	blocked map[client.OpenID]bool
}

func read(ctx context.Context, s Server) (live, error) {
	l := live{blocked: make(map[client.OpenID]bool)}
	for id, err := range s.All(ctx) {
		if err != nil {
			return l, err
		}
		if !l.blocked[id] {
			l.blocked[id] = true
			l.order = append(l.order, id)
		}
	}
	return l, nil
}

// prefix returns the prefix that all OpenIDs of the list share. One list has one,
// as far as is known: where it has none or several, nothing is learned.
func (l live) prefix() (p mpblock.Prefix, known bool) {
	for _, s := range l.order {
		id, err := mpblock.ParseOpenID(string(s))
		if err != nil {
			continue
		}
		if known && id.Prefix() != p {
			return p, false
		}
		p, known = id.Prefix(), true
	}
	return p, known
}

func (l live) plan(wishes []Wish, o PlanOptions) *Plan {
	ours, known := l.prefix()
	p := &Plan{}
	seen := make(map[string]bool, len(wishes))
	for _, w := range wishes {
		if seen[w.OpenID] {
			p.Duplicates++
			continue
		}
		seen[w.OpenID] = true
		it := Item{OpenID: client.OpenID(w.OpenID), Action: w.Action, Status: Todo}
		id, err := mpblock.ParseOpenID(w.OpenID)
		switch {
		case err != nil:
			it.Status, it.Code = Refused, codeBadOpenID
		case l.blocked[it.OpenID] == (w.Action == mpblock.Block):
			it.Status = Already
		case known && !o.AnyPrefix && id.Prefix() != ours:
			it.Status, it.Code = Refused, codeForeign
		}
		p.Items = append(p.Items, it)
	}
	return p
}

// Counts returns how many OpenIDs the plan has in each state; NotAttempted are
// those that it would send.
func (p *Plan) Counts() Counts { return count(p.Items) }

// Of returns how many OpenIDs the plan would block, or unblock.
func (p *Plan) Of(a mpblock.Action) int {
	n := 0
	for _, it := range p.Items {
		if it.Action == a && it.Status == Todo {
			n++
		}
	}
	return n
}

// Foreign returns how many OpenIDs the plan refuses as those of another account.
func (p *Plan) Foreign() int {
	n := 0
	for _, it := range p.Items {
		if it.Status == Refused && it.Code == codeForeign {
			n++
		}
	}
	return n
}

// Calls returns how many calls the plan takes if none is refused.
func (p *Plan) Calls() int { return len(batches(p.Items)) }

// WorstCalls returns how many calls the plan takes at most, if every OpenID that it
// sends is refused. Calls that fail for other reasons, and are made again, are not
// in it.
func (p *Plan) WorstCalls() int {
	n := 0
	for _, places := range batches(p.Items) {
		n += 2*len(places) - 1 // of a tree with so many leaves
	}
	return n
}

// Estimate returns how long the plan takes at a pace, of at most one call per so
// much time.
func (p *Plan) Estimate(pace time.Duration) time.Duration { return time.Duration(p.Calls()) * pace }

// batches cuts what is to be done into lists of places in items, each of one
// action and at most client.MaxBatch long.
func batches(items []Item) [][]int {
	var all [][]int
	for _, action := range []mpblock.Action{mpblock.Unblock, mpblock.Block} {
		var todo []int
		for i, it := range items {
			if it.Action == action && it.Status == Todo {
				todo = append(todo, i)
			}
		}
		all = append(all, slices.Collect(slices.Chunk(todo, client.MaxBatch))...)
	}
	return all
}
