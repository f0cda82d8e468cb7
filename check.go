package mpblock

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"
)

// Report is what Check found of one account.
type Report struct {
	AppID     AppID
	Followers int
	Entries   int
	Changes   int
	Problems  []string // at most MaxProblems of them, in words
}

// MaxProblems is how many problems of one account a Report names.
const MaxProblems = 20

// Check verifies from the outside that a store keeps its word for one account:
// the change log has no gap, its times never go back, the entries are exactly
// what the changes add up to, each bears the Seq that blocked it, the totals are
// the lengths of the lists, and each OpenID's own history is that of the log.
// The error is the store's, of a read that failed; what is wrong with the data
// goes into the Report. Nothing may write to the account meanwhile.
//
// Memory stays under a few hundred MB: the log of an account with more history
// than that is read several times, each time for a part of the OpenIDs.
func Check(ctx context.Context, s Store, app AppID) (Report, error) {
	return check(ctx, s, app, maxTraces)
}

// maxTraces is about how many OpenIDs a pass over the log keeps in memory, at
// some 80 bytes each.
const maxTraces = 4 << 20

// Reads of a check, each small against the memory of its traces.
const (
	checkChanges = 64
	checkPage    = 10_000
)

type checker struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call of Check
	store  Store
	app    AppID
	seed   maphash.Seed
	report Report
}

// trace is what the log says of one OpenID.
type trace struct {
	seq    uint64 // of the change that blocked it; 0: not blocked
	digest uint64 // of all its changes
	listed bool   // met on the blacklist
}

func (t trace) then(c Change) trace {
	if t.seq = 0; c.Action == Block {
		t.seq = c.Seq
	}
	const prime = 1_099_511_628_211 // FNV's; here it only has to tell histories apart
	t.digest = (t.digest ^ (c.Seq<<2 | uint64(c.Action))) * prime
	return t
}

func check(ctx context.Context, s Store, app AppID, perPass int) (Report, error) {
	c := &checker{ctx: ctx, store: s, app: app, seed: maphash.MakeSeed(), report: Report{AppID: app}}
	effects, err := c.log()
	if err != nil {
		return c.report, err
	}
	if err := c.followers(); err != nil {
		return c.report, err
	}
	parts := effects/perPass + 1
	for part := range parts {
		if err := c.entries(part, parts); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}

func (c *checker) problem(format string, args ...any) {
	if len(c.report.Problems) < MaxProblems {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	}
}

// eachChange reads the log from its beginning.
func (c *checker) eachChange(do func(Change)) error {
	return c.eachOf(func(after uint64) ([]Change, error) {
		return c.store.Changes(c.ctx, c.app, after, checkChanges)
	}, do)
}

func (c *checker) eachOf(read func(after uint64) ([]Change, error), do func(Change)) error {
	for last := uint64(0); ; {
		changes, err := read(last)
		if err != nil {
			return err
		}
		for _, change := range changes {
			if change.Seq <= last {
				return fmt.Errorf("mpblock: changes after %d begin with change %d", last, change.Seq)
			}
			do(change)
			last = change.Seq
		}
		if len(changes) < checkChanges {
			return nil
		}
	}
}

// log checks each change by itself and its place in the log, and returns how
// many OpenIDs the changes name in all.
func (c *checker) log() (effects int, err error) {
	var last uint64
	var at time.Time
	err = c.eachChange(func(ch Change) {
		if ch.Seq != last+1 {
			c.problem("change %d follows change %d", ch.Seq, last)
		}
		if ch.Time.Before(at) {
			c.problem("change %d of %s is earlier than the one before it, of %s",
				ch.Seq, ch.Time.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
		}
		if ch.Action != Block && ch.Action != Unblock {
			c.problem("change %d has the unknown action %d", ch.Seq, uint8(ch.Action))
		}
		if len(ch.OpenIDs) == 0 {
			c.problem("change %d names no OpenID", ch.Seq)
		}
		c.ascending(OpenID{}, ch.OpenIDs, fmt.Sprintf("change %d", ch.Seq))
		last, at = ch.Seq, ch.Time
		effects += len(ch.OpenIDs)
		c.report.Changes++
	})
	if err != nil {
		return effects, err
	}
	head, err := c.store.Page(c.ctx, c.app, OpenID{}, 0)
	if err == nil && head.Seq != last {
		c.problem("the blacklist is at seq %d, the last change is %d", head.Seq, last)
	}
	return effects, err
}

func (c *checker) ascending(after OpenID, ids []OpenID, where string) {
	for _, id := range ids {
		if id.Compare(after) <= 0 {
			c.problem("%s: %s stands behind %s", where, id, after)
		}
		after = id
	}
}

type pager func(ctx context.Context, app AppID, after OpenID, limit int) (Page, error)

// eachPage walks a list and the states of what is in it, and checks the order
// and the total. It returns the length of the list.
func (c *checker) eachPage(name string, list pager, do func([]OpenID, []State)) (int, error) {
	n := 0
	var total int
	for after := (OpenID{}); ; {
		p, err := list(c.ctx, c.app, after, checkPage)
		if err != nil {
			return n, err
		}
		total = p.Total
		ids := p.OpenIDs()
		if len(ids) == 0 {
			break
		}
		c.ascending(after, ids, name)
		states, err := c.store.Lookup(c.ctx, c.app, ids)
		if err != nil {
			return n, err
		}
		do(ids, states)
		n += len(ids)
		next := ids[len(ids)-1]
		if next.Compare(after) <= 0 {
			return n, fmt.Errorf("mpblock: a page of the %s after %s ends with %s", name, after, next)
		}
		after = next
	}
	if n != total {
		c.problem("the %s has %d entries, its total says %d", name, n, total)
	}
	return n, nil
}

func (c *checker) followers() (err error) {
	c.report.Followers, err = c.eachPage("list of followers", c.store.Followers, func(ids []OpenID, states []State) {
		for i, id := range ids {
			if !states[i].Follower {
				c.problem("%s is in the list of followers and looked up as none", id)
			}
		}
	})
	return err
}

// entries replays the log for one part of the OpenIDs and compares.
func (c *checker) entries(part, parts int) error {
	mine := func(id OpenID) bool {
		return maphash.Bytes(c.seed, id[:])%uint64(parts) == uint64(part) //nolint:gosec // small and positive
	}
	traces, err := c.replay(mine)
	if err != nil {
		return err
	}
	c.report.Entries, err = c.eachPage("blacklist", c.store.Page, func(ids []OpenID, states []State) {
		for i, id := range ids {
			if !mine(id) {
				continue
			}
			t, known := traces[id]
			switch {
			case t.seq == 0:
				c.problem("%s is on the blacklist, and no change put it there", id)
			case states[i].Seq != t.seq:
				c.problem("%s bears the seq %d, change %d blocked it", id, states[i].Seq, t.seq)
			}
			if t.listed = true; known {
				traces[id] = t
			}
		}
	})
	if err != nil {
		return err
	}
	return c.histories(traces)
}

func (c *checker) replay(mine func(OpenID) bool) (map[OpenID]trace, error) {
	traces := make(map[OpenID]trace)
	err := c.eachChange(func(ch Change) {
		for _, id := range ch.OpenIDs {
			if !mine(id) {
				continue
			}
			t := traces[id]
			if blocks := ch.Action == Block; blocks == (t.seq != 0) {
				c.problem("change %d, %s, names %s, on which it has no effect", ch.Seq, ch.Action, id)
			}
			traces[id] = t.then(ch)
		}
	})
	return traces, err
}

// histories compares each OpenID's own history with the log, and looks for
// blocked ones that the blacklist lacks.
func (c *checker) histories(traces map[OpenID]trace) error {
	ids := make([]OpenID, 0, MaxBatch)
	for id, want := range traces {
		if want.seq != 0 && !want.listed {
			c.problem("%s is not on the blacklist, and change %d blocked it", id, want.seq)
		}
		if ids = append(ids, id); len(ids) == MaxBatch {
			if err := c.compare(traces, ids); err != nil {
				return err
			}
			ids = ids[:0]
		}
	}
	return c.compare(traces, ids)
}

// compare reads the histories of some OpenIDs.
func (c *checker) compare(traces map[OpenID]trace, ids []OpenID) error {
	got := make(map[OpenID]trace, len(ids))
	if err := c.eachHistory(ids, func(id OpenID, ch Change) { got[id] = got[id].then(ch) }); err != nil {
		return err
	}
	for _, id := range ids {
		t := got[id]
		t.listed = traces[id].listed
		if t != traces[id] {
			c.problem("the history of %s is not that of the change log", id)
		}
	}
	return nil
}

func (c *checker) eachHistory(ids []OpenID, do func(OpenID, Change)) error {
	if r, ok := c.store.(HistoryReader); ok {
		return r.Histories(c.ctx, c.app, ids, do)
	}
	for _, id := range ids {
		err := c.eachOf(func(after uint64) ([]Change, error) {
			return c.store.ChangesOf(c.ctx, c.app, id, after, checkChanges)
		}, func(ch Change) { do(id, ch) })
		if err != nil {
			return err
		}
	}
	return nil
}
