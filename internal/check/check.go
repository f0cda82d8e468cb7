// Package check verifies stores from the outside: that the list of an account is what
// its changes add up to. It knows the Store contract and nothing of how a store works.
package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"mpblock"
)

// Report is what Account found of one account.
type Report struct {
	AppID     mpblock.AppID
	Followers int
	Entries   int
	Ends      int // of entries
	Changes   int
	Problems  []string // at most MaxProblems of them, in words
}

// MaxProblems is how many problems of one account a Report names.
const MaxProblems = 20

// Account verifies from the outside that a store keeps its word for one account:
// the change log has no gap, its times are those of mpblock.Batch.Date (that of a
// wrong clock is no damage), the entries are exactly what the changes add up to, each bears the Seq that blocked it and that it belongs to, the totals are
// the lengths of the lists, each remembered request has become the change that it says, and each OpenID's own history is that of the log.
// The error is the store's, of a read that failed; what is wrong with the data
// goes into the Report. Nothing may write to the account meanwhile.
//
// Memory stays under a few hundred MB: where an account has more history than that,
// its log is read several times, each time for a range of the OpenIDs.
func Account(ctx context.Context, s mpblock.Store, app mpblock.AppID) (Report, error) {
	return account(ctx, s, app, maxEffects)
}

// maxEffects is about how many effects a pass over the log keeps in memory, at some 100
// bytes each, those that the store needs included.
const maxEffects = 1 << 20

// Reads of a check, each small against the memory of its effects.
const (
	checkChanges = 64
	checkPage    = 10_000
)

type checker struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call of Account
	store  mpblock.Store
	app    mpblock.AppID
	sample sample
	undone map[uint64]uint64 // changes that others undo, and the last that does
	ends   map[uint64]int64  // changes whose entries end, and when, in milliseconds
	report Report
}

// effect is what one change does to one OpenID.
type effect struct {
	id     mpblock.OpenID
	change uint64 // its seq and action, in one number for the sake of memory
	undoes uint64
}

func effectOf(id mpblock.OpenID, c mpblock.Change) effect {
	return effect{id, c.Seq<<8 | uint64(c.Action), c.Undoes}
}

func (s effect) seq() uint64            { return s.change >> 8 }
func (s effect) action() mpblock.Action { return mpblock.Action(s.change & 0xff) }
func (s effect) blocks() bool           { return s.change != 0 && s.action() != mpblock.Unblock }

func (s effect) compare(other effect) int {
	if c := s.id.Compare(other.id); c != 0 {
		return c
	}
	return cmp.Compare(s.change, other.change)
}

// next cuts the effects of the first OpenID off others.
func next(effects []effect) (of, rest []effect) {
	n := 1
	for n < len(effects) && effects[n].id == effects[0].id {
		n++
	}
	return effects[:n], effects[n:]
}

func account(ctx context.Context, s mpblock.Store, app mpblock.AppID, perPass int) (Report, error) {
	c := &checker{ctx: ctx, store: s, app: app, undone: map[uint64]uint64{}, ends: map[uint64]int64{}, report: Report{AppID: app}}
	effects, err := c.log()
	if err != nil {
		return c.report, err
	}
	if err := errors.Join(c.followers(), c.requests()); err != nil {
		return c.report, err
	}
	after := mpblock.OpenID{}
	for _, last := range c.sample.bounds(effects/perPass + 1) {
		if err := c.entries(after, last); err != nil {
			return c.report, err
		}
		after = last
	}
	head, err := c.store.Blacklist(c.ctx, c.app, mpblock.OpenID{}, 0)
	if err == nil && c.report.Entries != head.Total {
		c.wrongTotal("blacklist", c.report.Entries, head.Total)
	}
	return c.report, err
}

// sample is an even choice of the OpenIDs that the log names.
type sample struct {
	ids   []mpblock.OpenID
	every int // how many OpenIDs each of ids stands for
	next  int // how many come before the next that is chosen
}

// maxSample is how many OpenIDs a sample holds.
const maxSample = 1 << 14

func (s *sample) add(ids []mpblock.OpenID) {
	for ; s.next < len(ids); s.next += s.every {
		s.ids = append(s.ids, ids[s.next])
		if s.every = max(s.every, 1); len(s.ids) == maxSample { // leave out every other one
			for i := range maxSample / 2 {
				s.ids[i] = s.ids[2*i]
			}
			s.ids, s.every = s.ids[:maxSample/2], s.every*2
		}
	}
	s.next -= len(ids)
}

// bounds returns the last OpenIDs of so many ranges, each of about as many OpenIDs
// of the log as the others; of the last range it is behind all of them.
func (s *sample) bounds(parts int) []mpblock.OpenID {
	slices.SortFunc(s.ids, mpblock.OpenID.Compare)
	var bounds []mpblock.OpenID
	for i := 1; i < parts && len(s.ids) > 0; i++ {
		bounds = append(bounds, s.ids[i*len(s.ids)/parts])
	}
	behindAll := mpblock.OpenID(bytes.Repeat([]byte{0xff}, mpblock.OpenIDLen))
	return append(slices.Compact(bounds), behindAll)
}

func (c *checker) problem(format string, args ...any) { c.report.problem(format, args...) }

// eachChange reads the log from its beginning.
func (c *checker) eachChange(do func(mpblock.Change)) error {
	for last := uint64(0); ; {
		changes, err := c.store.Changes(c.ctx, c.app, last, checkChanges)
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
	err = c.eachChange(func(ch mpblock.Change) {
		if ch.Seq != last+1 {
			c.problem("change %d follows change %d", ch.Seq, last)
		}
		if !(mpblock.Batch{Time: ch.Time}).Date(at).Equal(ch.Time) {
			c.problem("change %d of %s is earlier than the one before it, of %s, by so little that it must bear its time",
				ch.Seq, ch.Time.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
		}
		if ch.Action != mpblock.Block && ch.Action != mpblock.Unblock && ch.Action != mpblock.Amend {
			c.problem("change %d has the unknown action %d", ch.Seq, uint8(ch.Action))
		}
		if len(ch.OpenIDs) == 0 {
			c.problem("change %d names no OpenID", ch.Seq)
		}
		c.ascending(mpblock.OpenID{}, ch.OpenIDs, fmt.Sprintf("change %d", ch.Seq))
		if ch.Undoes != 0 {
			c.undone[ch.Undoes] = ch.Seq
		}
		if !ch.Until.IsZero() {
			c.ends[ch.Seq] = mpblock.EndMilli(ch.Until)
		}
		last, at = ch.Seq, ch.Time
		effects += len(ch.OpenIDs)
		c.sample.add(ch.OpenIDs)
		c.report.Changes++
	})
	if err != nil {
		return effects, err
	}
	head, err := c.store.Blacklist(c.ctx, c.app, mpblock.OpenID{}, 0)
	if err == nil && head.Seq != last {
		c.problem("the blacklist is at seq %d, the last change is %d", head.Seq, last)
	}
	return effects, errors.Join(err, c.checkUndone(last))
}

func (c *checker) ascending(after mpblock.OpenID, ids []mpblock.OpenID, where string) {
	for _, id := range ids {
		if id.Compare(after) <= 0 {
			c.problem("%s: %s stands behind %s", where, id, after)
		}
		after = id
	}
}

func (c *checker) wrongTotal(name string, n, total int) {
	c.problem("the %s has %d entries, its total says %d", name, n, total)
}

type pager func(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (mpblock.Page, error)

// eachPage walks a list from one OpenID up to another, with the states of what is
// in it, and checks the order. It returns how many there are, and the total.
func (c *checker) eachPage(name string, list pager, after, last mpblock.OpenID, do func([]mpblock.OpenID, []mpblock.State)) (n, total int, err error) {
	for {
		p, err := list(c.ctx, c.app, after, checkPage)
		if err != nil {
			return n, total, err
		}
		total = p.Total
		ids := p.OpenIDs
		c.ascending(after, ids, name)
		if end := slices.IndexFunc(ids, func(id mpblock.OpenID) bool { return id.Compare(last) > 0 }); end >= 0 {
			ids = ids[:end]
		}
		if len(ids) == 0 {
			return n, total, nil
		}
		states, err := c.store.States(c.ctx, c.app, ids)
		if err != nil {
			return n, total, err
		}
		do(ids, states)
		n += len(ids)
		next := ids[len(ids)-1]
		if next.Compare(after) <= 0 {
			return n, total, fmt.Errorf("mpblock: a page of the %s after %s ends with %s", name, after, next)
		}
		after = next
	}
}

func (c *checker) followers() error {
	const name = "list of followers"
	behindAll := c.sample.bounds(1)[0]
	n, total, err := c.eachPage(name, c.store.Followers, mpblock.OpenID{}, behindAll, func(ids []mpblock.OpenID, states []mpblock.State) {
		for i, id := range ids {
			if !states[i].Follower {
				c.problem("%s is in the list of followers and looked up as none", id)
			}
		}
	})
	if c.report.Followers = n; err == nil && n != total {
		c.wrongTotal(name, n, total)
	}
	return err
}

// entries replays the log for a range of the OpenIDs and compares.
func (c *checker) entries(after, last mpblock.OpenID) error {
	log, err := c.replay(after, last)
	if err != nil {
		return err
	}
	rest := log
	n, _, err := c.eachPage("blacklist", c.store.Blacklist, after, last, func(ids []mpblock.OpenID, states []mpblock.State) {
		for i, id := range ids {
			var of []effect
			for len(rest) > 0 && rest[0].id.Compare(id) < 0 {
				of, rest = next(rest)
				c.unlisted(of)
			}
			if of = nil; len(rest) > 0 && rest[0].id == id {
				of, rest = next(rest)
			}
			c.listed(id, of, states[i])
		}
	})
	c.report.Entries += n
	if err != nil {
		return err
	}
	for len(rest) > 0 {
		var of []effect
		of, rest = next(rest)
		c.unlisted(of)
	}
	return c.histories(log, after, last)
}

// replay returns what the log says of a range of the OpenIDs, in order.
func (c *checker) replay(after, last mpblock.OpenID) (log []effect, err error) {
	err = c.eachChange(func(ch mpblock.Change) {
		for _, id := range ch.OpenIDs[upTo(ch.OpenIDs, after):upTo(ch.OpenIDs, last)] {
			log = append(log, effectOf(id, ch))
		}
	})
	slices.SortFunc(log, effect.compare)
	for rest := log; len(rest) > 0; {
		var of []effect
		of, rest = next(rest)
		for i, s := range of {
			c.step(of[:i], s)
		}
	}
	return log, err
}

// upTo returns how many of some OpenIDs in byte order do not come behind one.
func upTo(ids []mpblock.OpenID, id mpblock.OpenID) int {
	return sort.Search(len(ids), func(i int) bool { return ids[i].Compare(id) > 0 })
}

// listed compares what the log says of one that is on the blacklist.
func (c *checker) listed(id mpblock.OpenID, of []effect, state mpblock.State) {
	switch {
	case len(of) == 0 || !of[len(of)-1].blocks():
		c.problem("%s is on the blacklist, and no change put it there", id)
	case !state.Blocked:
		c.problem("%s is on the blacklist and looked up as not blocked", id)
	case state.Seq != of[len(of)-1].seq():
		c.problem("%s bears the seq %d, change %d blocked it", id, state.Seq, of[len(of)-1].seq())
	case state.Since != since(of):
		c.problem("%s is said to belong to change %d, and belongs to change %d", id, state.Since, since(of))
	case mpblock.EndMilli(state.Until) != c.ends[state.Since]:
		c.problem("%s is said to end at %d ms, by change %d it does at %d (0: never)", id, mpblock.EndMilli(state.Until), state.Since, c.ends[state.Since])
	}
	if c.ends[since(of)] != 0 {
		c.report.Ends++
	}
}

// unlisted compares what the log says of one that is not on the blacklist.
func (c *checker) unlisted(of []effect) {
	if last := of[len(of)-1]; last.blocks() {
		c.problem("%s is not on the blacklist, and change %d blocked it", last.id, last.seq())
	}
}

// histories compares the OpenIDs' own histories with the log.
func (c *checker) histories(log []effect, after, last mpblock.OpenID) error {
	var bad, before effect
	differs := func(s effect) {
		if s.id != bad.id {
			c.problem("the history of %s is not that of the change log", s.id)
		}
		bad = s
	}
	err := c.store.Histories(c.ctx, c.app, after, last, func(id mpblock.OpenID, ch mpblock.Change) {
		s := effectOf(id, ch)
		for ; len(log) > 0 && log[0].compare(s) < 0; log = log[1:] {
			differs(log[0])
		}
		if len(log) > 0 && log[0] == s {
			log = log[1:]
		} else {
			differs(s)
		}
		if s.compare(before) <= 0 {
			differs(s)
		}
		before = s
	})
	for ; err == nil && len(log) > 0; log = log[1:] {
		differs(log[0])
	}
	return err
}
