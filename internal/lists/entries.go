package lists

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpblock"
)

// EntryQuery asks for a page of the blacklist. Reason, actor and times are of the
// change that the entry belongs to; without any of them the order is that of the OpenIDs, with
// one the newest come first.
type EntryQuery struct {
	Prefix string    // that the OpenIDs begin with
	Reason string    // a part of it, without regard to case
	Actor  string    // its beginning: "api", "console:", "console:anna", "job:"
	Since  time.Time // zero: from the beginning
	Until  time.Time // exclusive; zero: until now
	After  string    // EntryPage.Next of the page before
	Limit  int       // 1 to MaxRows
}

// Filtered tells whether the newest come first.
func (q EntryQuery) Filtered() bool {
	return q.Reason != "" || q.Actor != "" || !q.Since.IsZero() || !q.Until.IsZero()
}

// EntryRow is a blocked OpenID with when, who and why.
type EntryRow struct {
	OpenID mpblock.OpenID
	Seq    uint64
	Time   time.Time
	Actor  string
	Reason string
}

// EntryPage is a page of the blacklist.
type EntryPage struct {
	Rows  []EntryRow // may be fewer than asked for, even none, and yet there be a Next
	Total int        // of the whole blacklist
	Next  string     // "": there are no more; else go on from here

	// Reached is how far back a filtered search has come when it stopped for the
	// sake of its time, before the page was full; else zero.
	Reached time.Time
}

// Entries returns a page of an account's blacklist with who blocked whom, when and why.
// The work of one call is bounded: a filter that few entries pass gives short pages.
func (svc *Service) Entries(ctx context.Context, app mpblock.AppID, q EntryQuery) (EntryPage, error) {
	if err := CheckLimit(q.Limit); err != nil {
		return EntryPage{}, err
	}
	return svc.entryReader(app).page(ctx, q)
}

// Sizes of reading entries.
const (
	exportPage = 1_000
	lookAtOnce = 256
	maxLooked  = 4_000  // OpenIDs that one page looks up
	maxHeads   = 20_000 // changes that a reader remembers, at some 200 bytes each
)

// entryReader reads entries with the changes that they belong to.
type entryReader struct {
	svc     *Service
	app     mpblock.AppID
	heads   map[uint64]EntryRow // without an OpenID
	endless bool
}

func (svc *Service) entryReader(app mpblock.AppID) *entryReader {
	return &entryReader{svc: svc, app: app, heads: map[uint64]EntryRow{}}
}

func (r *entryReader) page(ctx context.Context, q EntryQuery) (EntryPage, error) {
	if q.Filtered() {
		return r.newest(ctx, q)
	}
	after, err := cursorID(q.After)
	if err != nil {
		return EntryPage{}, err
	}
	page, next, err := prefixPage(ctx, r.svc.store.Blacklist, r.app, q.Prefix, after, q.Limit)
	if err != nil {
		return EntryPage{}, err
	}
	out := EntryPage{Total: page.Total, Next: next.String()}
	ids := page.OpenIDs
	states, err := r.svc.store.States(ctx, r.app, ids)
	if err != nil {
		return EntryPage{}, err
	}
	if err := r.learn(ctx, states); err != nil {
		return EntryPage{}, err
	}
	for i, id := range ids {
		if states[i].Blocked { // not unblocked since the page was read
			row := r.heads[states[i].Since]
			row.OpenID = id
			out.Rows = append(out.Rows, row)
		}
	}
	return out, nil
}

// learn reads the changes that entries belong to and that it does not remember.
func (r *entryReader) learn(ctx context.Context, states []mpblock.State) error {
	if len(r.heads) >= maxHeads {
		clear(r.heads)
	}
	var seqs []uint64
	for _, s := range states {
		if _, known := r.heads[s.Since]; s.Blocked && !known {
			r.heads[s.Since] = EntryRow{}
			seqs = append(seqs, s.Since)
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	changes, err := r.svc.store.ChangeHeads(ctx, r.app, seqs)
	for _, c := range changes {
		r.heads[c.Seq] = entryOf(c)
	}
	return err
}

func entryOf(c mpblock.Change) EntryRow {
	return EntryRow{Seq: c.Seq, Time: c.Time, Actor: c.Actor, Reason: c.Reason}
}

func cursorID(s string) (mpblock.OpenID, error) {
	if s == "" {
		return mpblock.OpenID{}, nil
	}
	id, err := mpblock.ParseOpenID(s)
	if err != nil {
		return id, badCursor()
	}
	return id, nil
}

func badCursor() error { return errCursor }

// place is where a filtered search goes on: within the OpenIDs of a change, after one
// of them, or with the change before it.
type place struct {
	seq   uint64
	after mpblock.OpenID // zero: with the change before seq
}

func (p place) String() string {
	if p.seq == 0 {
		return ""
	}
	return strconv.FormatUint(p.seq, 10) + "." + p.after.String()
}

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return place{}, nil
	}
	seq, id, ok := strings.Cut(s, ".")
	if p.seq, err = strconv.ParseUint(seq, 10, 64); !ok || err != nil || p.seq == 0 {
		return place{}, badCursor()
	}
	p.after, err = cursorID(id)
	return p, err
}

// newest searches the log from the back for changes that pass the filter, and keeps
// the entries that still belong to them.
func (r *entryReader) newest(ctx context.Context, q EntryQuery) (EntryPage, error) {
	at, err := parsePlace(q.After)
	if err != nil {
		return EntryPage{}, err
	}
	head, err := r.svc.store.Blacklist(ctx, r.app, mpblock.OpenID{}, 0)
	if err != nil {
		return EntryPage{}, err
	}
	w := walk{svc: r.svc, app: r.app, endless: r.endless, filter: changeFilter{
		action: mpblock.Block, reason: q.Reason, actor: q.Actor, since: q.Since, until: q.Until,
	}}
	from := at.seq
	if at.after != (mpblock.OpenID{}) {
		from++
	}
	if err := w.start(ctx, from); err != nil {
		return EntryPage{}, err
	}
	s := search{reader: r, query: q, at: at, page: EntryPage{Total: head.Total}}
	if err := w.each(ctx, func(c mpblock.Change) (bool, error) { return s.take(ctx, c) }); err != nil {
		return EntryPage{}, err
	}
	switch {
	case s.next.seq != 0:
		s.page.Next, s.page.Reached = s.next.String(), s.reached
	case w.before > 1:
		s.page.Next, s.page.Reached = place{seq: w.before}.String(), w.stopped
	}
	return s.page, nil
}

// search fills a page with what a walk meets.
type search struct {
	reader  *entryReader
	query   EntryQuery
	at      place // where it goes on
	looked  int
	page    EntryPage
	next    place // where the next page goes on within a change
	reached time.Time
}

// take adds the entries that belong to a change; false if the page is full or
// enough has been looked up.
func (s *search) take(ctx context.Context, c mpblock.Change) (bool, error) {
	if c.Undoes != 0 { // no entry belongs to it
		return true, nil
	}
	ids := c.OpenIDs
	if c.Seq == s.at.seq {
		ids = ids[firstAbove(ids, s.at.after):]
	}
	if s.query.Prefix != "" {
		prefix := strings.TrimSpace(s.query.Prefix)
		ids = ids[firstAbove(ids, beforePrefix(prefix)):]
		if end := slices.IndexFunc(ids, func(id mpblock.OpenID) bool { return !strings.HasPrefix(string(id[:]), prefix) }); end >= 0 {
			ids = ids[:end]
		}
	}
	for len(ids) > 0 {
		some := ids[:min(len(ids), lookAtOnce)]
		states, err := s.reader.svc.store.States(ctx, s.reader.app, some)
		if err != nil {
			return false, err
		}
		for i, id := range some {
			if states[i].Since != c.Seq {
				continue
			}
			row := entryOf(c)
			row.OpenID = id
			s.page.Rows = append(s.page.Rows, row)
			if len(s.page.Rows) >= s.query.Limit {
				s.next = place{c.Seq, id}
				return false, nil
			}
		}
		s.looked += len(some)
		ids = ids[len(some):]
		if s.looked >= maxLooked && !s.reader.endless {
			s.next, s.reached = place{c.Seq, some[len(some)-1]}, c.Time
			return false, nil
		}
	}
	return true, nil
}

// firstAbove returns the index of the first OpenID above a cursor.
func firstAbove(ids []mpblock.OpenID, cursor mpblock.OpenID) int {
	i, found := slices.BinarySearchFunc(ids, cursor, mpblock.OpenID.Compare)
	if found {
		i++
	}
	return i
}
