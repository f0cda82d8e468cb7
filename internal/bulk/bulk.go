// Package bulk blocks and unblocks any number of users over an API that takes 20 a
// call. A job is planned against the live list, written to a journal, run in
// batches, and told of in a report that adds up: each OpenID ends as done, already
// so, refused with its code, or not attempted.
//
// Two promises carry it. What was acknowledged is never sent again. And what the
// server may have done without saying so (the answer was lost, the process was
// killed) is settled by reading the list, not by guessing.
package bulk

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"mpblock"
	"mpblock/client"
)

// Server is the API that a job runs over; *client.Client is one.
type Server interface {
	All(ctx context.Context) iter.Seq2[client.OpenID, error]
	Block(ctx context.Context, ids ...client.OpenID) error
	Unblock(ctx context.Context, ids ...client.OpenID) error
}

// Status is what has become of an OpenID.
type Status byte

// The states of an OpenID. Their values stand in journals.
const (
	Todo    Status = '+' // to be sent, or not attempted when the job has ended
	Done    Status = '.' // acknowledged, or seen on the list afterwards
	Already Status = '=' // was so before the job
	Refused Status = '!' // with a code; nothing was changed
	Unknown Status = '?' // sent, and the answer lost; settled by reading the list
)

// String names the status as reports do.
func (s Status) String() string {
	switch s {
	case Todo:
		return "not attempted"
	case Done:
		return "done"
	case Already:
		return "already"
	case Refused:
		return "refused"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("Status(%q)", byte(s))
}

// Item is an OpenID of a job.
type Item struct {
	OpenID client.OpenID
	Action mpblock.Action
	Status Status
	Code   int // of a refusal
}

// Wish is what a job is asked to do.
type Wish struct {
	OpenID string
	Action mpblock.Action
}

// Plan is a job before it runs.
type Plan struct {
	Items      []Item
	Duplicates int // wishes that name an OpenID again
}

// Make plans what is asked for against the live list. An OpenID of the wrong form
// is refused with 40003 here and never sent. Of two wishes for one OpenID the
// first counts.
func Make(ctx context.Context, s Server, wishes []Wish) (*Plan, error) {
	live := make(map[client.OpenID]bool)
	for id, err := range s.All(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read the blacklist: %w", err)
		}
		live[id] = true
	}
	return against(live, wishes), nil
}

func against(live map[client.OpenID]bool, wishes []Wish) *Plan {
	p := &Plan{}
	seen := make(map[string]bool, len(wishes))
	for _, w := range wishes {
		if seen[w.OpenID] {
			p.Duplicates++
			continue
		}
		seen[w.OpenID] = true
		it := Item{OpenID: client.OpenID(w.OpenID), Action: w.Action, Status: Todo}
		if _, err := mpblock.ParseOpenID(w.OpenID); err != nil {
			it.Status, it.Code = Refused, int(mpblock.CodeBadOpenID)
		} else if live[it.OpenID] == (w.Action == mpblock.Block) {
			it.Status = Already
		}
		p.Items = append(p.Items, it)
	}
	return p
}

// Equal plans to make the live list equal to a wanted one.
func Equal(ctx context.Context, s Server, wanted []string) (*Plan, error) {
	live := make(map[client.OpenID]bool)
	var order []client.OpenID
	for id, err := range s.All(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read the blacklist: %w", err)
		}
		live[id] = true
		order = append(order, id)
	}
	wishes := make([]Wish, 0, len(wanted))
	keep := make(map[string]bool, len(wanted))
	for _, id := range wanted {
		wishes = append(wishes, Wish{id, mpblock.Block})
		keep[id] = true
	}
	for _, id := range order {
		if !keep[string(id)] {
			wishes = append(wishes, Wish{string(id), mpblock.Unblock})
		}
	}
	return against(live, wishes), nil
}

// Counts are how many OpenIDs are in each state.
type Counts struct {
	Total        int `json:"total"`
	Done         int `json:"done"`
	Already      int `json:"already"`
	Refused      int `json:"refused"`
	NotAttempted int `json:"not_attempted"`
	Unknown      int `json:"unknown"`
}

func count(items []Item) Counts {
	c := Counts{Total: len(items)}
	for _, it := range items {
		switch it.Status {
		case Todo:
			c.NotAttempted++
		case Done:
			c.Done++
		case Already:
			c.Already++
		case Refused:
			c.Refused++
		case Unknown:
			c.Unknown++
		}
	}
	return c
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

// Calls returns how many calls the plan takes if none is refused.
func (p *Plan) Calls() int {
	batches := func(n int) int { return (n + client.MaxBatch - 1) / client.MaxBatch }
	return batches(p.Of(mpblock.Block)) + batches(p.Of(mpblock.Unblock))
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
