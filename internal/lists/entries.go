package lists

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists/walk"
)

// EntryQuery asks for a page of the blacklist. Reason, actor and times are of the
// change that the entry belongs to.
type EntryQuery struct {
	ByID   bool      // in the order of the OpenIDs; else the newest come first
	Prefix string    // that the OpenIDs begin with
	Reason string    // a part of it, without regard to case
	Actor  string    // see walk.MadeBy
	Since  time.Time // zero: from the beginning
	Until  time.Time // exclusive; zero: until now
	After  string    // EntryPage.Next of the page before
	Limit  int       // 1 to MaxRows

	// EndBy, if not zero, asks for those that end by then, in the order of their ends.
	EndBy time.Time
}

// filter returns what has to be true of the change that the entry belongs to.
func (q EntryQuery) filter() walk.Filter {
	return walk.Filter{Entries: true, Reason: q.Reason, Actor: q.Actor, Since: q.Since, Until: q.Until}
}

// EntryRow is a blocked OpenID with when, who and why.
type EntryRow struct {
	OpenID mpblock.OpenID
	Seq    uint64
	Time   time.Time
	Actor  string
	Reason string
	Until  time.Time // when it ends; zero: never
}

// EntryPage is a page of the blacklist.
type EntryPage struct {
	Rows  []EntryRow // may be fewer than asked for, even none, and yet there be a Next
	Total int        // of the whole blacklist
	Next  string     // "": there are no more; else go on from here

	// Reached is how far back a search has come when it stopped for the sake of its
	// time, before the page was full; else zero. Where the order is that of the
	// OpenIDs, it is ReachedID.
	Reached   time.Time
	ReachedID mpblock.OpenID
}

// CountEntries counts what a query asks for from its After on, as far as one call goes:
// next is where to go on, "" if all are counted.
func (svc *Service) CountEntries(ctx context.Context, app mpblock.AppID, q EntryQuery) (n int, next string, err error) {
	q.Limit = math.MaxInt
	page, err := svc.entryReader(app).page(ctx, q)
	return len(page.Rows), page.Next, err
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
	maxLooked  = 2_000  // OpenIDs that one page looks up
	maxByID    = 1_000  // likewise, in the order of the OpenIDs: each with a change of its own
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
	switch {
	case !q.EndBy.IsZero():
		return r.ending(ctx, q)
	case !q.ByID:
		return r.newest(ctx, q)
	}
	after, err := cursorID(q.After)
	if err != nil {
		return EntryPage{}, err
	}
	filter := q.filter()
	var out EntryPage
	for looked := 0; ; {
		page, next, err := prefixPage(ctx, r.svc.store.Blacklist, r.app, q.Prefix, after, min(max(q.Limit, lookAtOnce), exportPage))
		if err != nil {
			return EntryPage{}, err
		}
		out.Total = page.Total
		if err := r.keep(ctx, page.OpenIDs, filter, &out); err != nil {
			return EntryPage{}, err
		}
		if looked += len(page.OpenIDs); out.cut(q.Limit) {
			out.Next = out.Rows[q.Limit-1].OpenID.String()
			return out, nil
		}
		if after = next; next == (mpblock.OpenID{}) {
			return out, nil
		}
		if looked >= maxByID && !r.endless {
			out.Next, out.ReachedID = next.String(), next
			return out, nil
		}
	}
}

// keep adds those of some OpenIDs that are blocked by a change that passes the filter.
func (r *entryReader) keep(ctx context.Context, ids []mpblock.OpenID, filter walk.Filter, out *EntryPage) error {
	states, err := r.svc.store.States(ctx, r.app, ids)
	if err != nil {
		return err
	}
	if err := r.learn(ctx, states); err != nil {
		return err
	}
	for i, id := range ids {
		if !states[i].Blocked { // unblocked since the page was read
			continue
		}
		if row := r.heads[states[i].Since]; filter.Match(mpblock.Change{Time: row.Time, Actor: row.Actor, Reason: row.Reason}) {
			row.OpenID = id
			out.Rows = append(out.Rows, row)
		}
	}
	return nil
}

// cut takes away what is too many for a page, which tells that there is more.
func (p *EntryPage) cut(limit int) bool {
	if len(p.Rows) <= limit {
		return false
	}
	p.Rows = p.Rows[:limit]
	return true
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
	return EntryRow{Seq: c.Seq, Time: c.Time, Actor: c.Actor, Reason: c.Reason, Until: c.Until}
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
	if err != nil || head.Total == 0 { // a walk would look at all who were ever blocked
		return EntryPage{}, err
	}
	w := walk.Walk{Store: r.svc.store, Digests: r.svc.digests, App: r.app, Endless: r.endless, Filter: q.filter()}
	from := at.seq
	if at.after != (mpblock.OpenID{}) {
		from++
	}
	if err := w.Start(ctx, from); err != nil {
		return EntryPage{}, err
	}
	s := search{reader: r, query: q, at: at, page: EntryPage{Total: head.Total}}
	if err := w.Each(ctx, func(c mpblock.Change) (bool, error) { return s.take(ctx, c) }); err != nil {
		return EntryPage{}, err
	}
	if err := s.look(ctx); err != nil {
		return EntryPage{}, err
	}
	switch {
	case q.After == "" && len(s.page.Rows) == head.Total: // all there are: nothing is left to be looked for
	case s.next.seq != 0:
		s.page.Next, s.page.Reached = s.next.String(), s.reached
	case w.Before > 1:
		s.page.Next, s.page.Reached = place{seq: w.Before}.String(), w.Stopped
	}
	if len(s.page.Rows) == q.Limit {
		s.page.Reached = time.Time{}
	}
	return s.page, nil
}

// search fills a page with what a walk meets.
type search struct {
	reader  *entryReader
	query   EntryQuery
	at      place // where it goes on
	met     []EntryRow
	looked  int
	page    EntryPage
	next    place // where the next page goes on within a change
	reached time.Time
}

// take adds the entries that belong to a change, when enough of them have come
// together to be looked up; false if the page is full or enough has been looked up.
func (s *search) take(ctx context.Context, c mpblock.Change) (bool, error) {
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
	row := entryOf(c)
	for _, row.OpenID = range ids {
		if s.met = append(s.met, row); len(s.met) == lookAtOnce {
			if err := s.look(ctx); err != nil || s.next.seq != 0 {
				return false, err
			}
		}
	}
	return true, nil
}

// look adds those of the entries met that are still there.
func (s *search) look(ctx context.Context) error {
	if s.next.seq != 0 || len(s.met) == 0 {
		return nil
	}
	ids := make([]mpblock.OpenID, len(s.met))
	for i, row := range s.met {
		ids[i] = row.OpenID
	}
	states, err := s.reader.svc.store.States(ctx, s.reader.app, ids)
	if err != nil {
		return err
	}
	for i, row := range s.met {
		if states[i].Since != row.Seq {
			continue
		}
		s.page.Rows = append(s.page.Rows, row)
		if s.page.cut(s.query.Limit) {
			last := s.page.Rows[s.query.Limit-1]
			s.next = place{last.Seq, last.OpenID}
			return nil
		}
	}
	last := s.met[len(s.met)-1]
	s.looked, s.met = s.looked+len(s.met), s.met[:0]
	if s.looked >= maxLooked && !s.reader.endless {
		s.next, s.reached = place{last.Seq, last.OpenID}, last.Time
	}
	return nil
}

// firstAbove returns the index of the first OpenID above a cursor.
func firstAbove(ids []mpblock.OpenID, cursor mpblock.OpenID) int {
	i, found := slices.BinarySearchFunc(ids, cursor, mpblock.OpenID.Compare)
	if found {
		i++
	}
	return i
}
