package v1

import (
	"context"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/lists/past"
	logwalk "mpblock/internal/lists/walk"
)

// blocksPage is a page of blocks.
type blocksPage struct {
	Blocks []entry `json:"blocks"`
	Total  *int    `json:"total,omitempty"` // of the whole list
	AsOf   uint64  `json:"as_of"`
	Next   string  `json:"next_page_token,omitempty"`
}

// listBlocks answers with a page of the blacklist.
func listBlocks(ctx context.Context, x *exchange) error {
	if err := x.knows("order", "reason", "actor", "since", "until", "expiring_before", "notes", "limit", "page_token", "min_revision", "as_of"); err != nil {
		return err
	}
	q := lists.EntryQuery{Reason: x.query("reason"), Actor: x.query("actor")}
	for name, t := range map[string]*time.Time{"since": &q.Since, "until": &q.Until, "expiring_before": &q.EndBy} {
		var err error
		if *t, err = x.time(name); err != nil {
			return err
		}
	}
	switch order := x.query("order"); {
	case order == "openid" && !q.EndBy.IsZero():
		return errQuery.With("order", "with expiring_before those that end first come first, and there is no other order")
	case order == "openid":
		q.ByID = true
	case order != "" && order != "newest":
		return errQuery.With("order", "want newest or openid, not "+clip(order))
	}
	if _, err := x.flag("notes"); err != nil {
		return err
	}
	p, err := x.paging()
	if err != nil {
		return err
	}
	asOf, given, err := x.reading(ctx)
	switch {
	case err != nil:
		return err
	case given && !q.ByID:
		return errQuery.With("as_of", "it goes with order=openid alone")
	case p.first && given:
		p.revision = asOf
	case p.first:
		if p.revision, err = x.Past.Revision(ctx, x.AppID); err != nil {
			return err
		}
	}
	x.at(p.revision)
	if q.ByID {
		return x.byOpenID(ctx, q, p)
	}
	return x.newest(ctx, q, p)
}

// byOpenID answers with a page of the list as it was at the revision of the first page.
func (x *exchange) byOpenID(ctx context.Context, q lists.EntryQuery, p pageQuery) error {
	var after mpblock.OpenID
	copy(after[:], p.after) // of a token of ours
	filter := logwalk.Filter{Reason: q.Reason, Actor: q.Actor, Since: q.Since, Until: q.Until}
	held, next, err := x.Past.Page(ctx, x.AppID, p.revision, after, p.limit, filter.Match)
	if err != nil {
		return err
	}
	out := blocksPage{Blocks: []entry{}, AsOf: p.revision, Next: x.next(p.revision, next.String())}
	for _, h := range held {
		out.Blocks = append(out.Blocks, entryOf(h))
	}
	return x.list(ctx, out)
}

// list answers with a page of blocks, with their notes if they are asked for.
func (x *exchange) list(ctx context.Context, out blocksPage) error {
	x.body = out
	if with, err := x.flag("notes"); !with {
		return err
	}
	return x.annotate(ctx, out.Blocks)
}

// flag reads a parameter that is true or false; absent, it is false.
func (x *exchange) flag(name string) (bool, error) {
	switch text := x.query(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, errQuery.With(name, "want true or false, not "+clip(text))
	}
}

// newest answers with a page whose order is that of the changes, or of the ends.
func (x *exchange) newest(ctx context.Context, q lists.EntryQuery, p pageQuery) error {
	out := blocksPage{Blocks: []entry{}, AsOf: p.revision}
	q.After = p.after
	for {
		q.Limit = min(p.limit-len(out.Blocks), lists.MaxRows)
		some, err := x.Lists.Entries(ctx, x.AppID, q)
		if err != nil {
			return err
		}
		for _, row := range some.Rows {
			out.Blocks = append(out.Blocks, entryOf(past.Held{OpenID: row.OpenID, By: mpblock.Change{Seq: row.Seq, Time: row.Time, Actor: row.Actor, Reason: row.Reason, Until: row.Until}}))
		}
		out.Total, q.After = &some.Total, some.Next
		if q.After == "" || len(some.Rows) < q.Limit || len(out.Blocks) == p.limit {
			break
		}
	}
	out.Next = x.next(p.revision, q.After)
	return x.list(ctx, out)
}

// time reads a parameter that is a time; zero: it is absent.
func (x *exchange) time(name string) (time.Time, error) {
	text := x.query(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+")) // a plus that nobody escaped
	if err != nil {
		return t, errQuery.With(name, "want a time as 2026-01-31T09:00:00Z, not "+clip(text))
	}
	return t, nil
}

// historyPage is a page of the changes of one OpenID.
type historyPage struct {
	Changes []step `json:"changes"`
	AsOf    uint64 `json:"as_of"`
	Next    string `json:"next_page_token,omitempty"`
}

// step is a change of one OpenID.
type step struct {
	Revision   uint64     `json:"revision"`
	Time       time.Time  `json:"time"`
	Action     string     `json:"action"`
	Actor      string     `json:"actor"`
	Reason     string     `json:"reason"`
	ExpireTime *time.Time `json:"expire_time,omitempty"`
	Undoes     uint64     `json:"undoes,omitempty"` // revision
}

// history answers with a page of the changes of one OpenID, oldest first.
func history(ctx context.Context, x *exchange) error {
	if err := x.knows("limit", "page_token", "min_revision", "as_of"); err != nil {
		return err
	}
	id, err := x.openID()
	if err != nil {
		return err
	}
	p, err := x.paging()
	if err != nil {
		return err
	}
	asOf, given, err := x.reading(ctx)
	if err != nil {
		return err
	}
	var after uint64
	switch {
	case !p.first:
		after, err = parseNumber("page_token", p.after)
	case given:
		p.revision = asOf
	default:
		p.revision, err = x.Past.Revision(ctx, x.AppID)
	}
	if err != nil {
		return err
	}
	x.at(p.revision)
	changes, err := x.Past.History(ctx, x.AppID, id, after, p.revision, p.limit)
	if err != nil {
		return err
	}
	out := historyPage{Changes: []step{}, AsOf: p.revision}
	for _, c := range changes {
		out.Changes = append(out.Changes, step{
			Revision: c.Seq, Time: c.Time, Action: c.Action.String(), Actor: c.Actor, Reason: c.Reason, ExpireTime: timeOf(c.Until), Undoes: c.Undoes,
		})
	}
	if len(changes) == p.limit {
		out.Next = x.next(p.revision, seqText(changes[len(changes)-1].Seq))
	}
	x.body = out
	return nil
}
