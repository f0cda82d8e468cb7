package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Due implements mpblock.Store. The ends of all accounts lie in one order, in Vitess in
// one of each shard; those of an account lie in another, in its shard alone.
func (s *Store) Due(ctx context.Context, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) (due []mpblock.DueEnd, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	of, args := "", []any(nil)
	if app != "" {
		of, args = "app = ? AND ", []any{query.App(app)}
	}
	for len(due) < limit {
		want, before := min(limit-len(due), query.RowsAtOnce), len(due)
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
			due = due[:before]
			from := mpblock.EndMilli(after.Until)
			// The first term is for engines that do not see it in the others.
			_, err := query.Rows(ctx, c, "SELECT app, openid, ends FROM entry_end WHERE "+of+"ends >= ? AND ends <= ?"+
				" AND (ends > ? OR app > ? OR (app = ? AND openid > ?)) ORDER BY ends, app, openid LIMIT ?",
				append(args[:len(args):len(args)], from, until.UnixMilli(), from, query.App(after.AppID), query.App(after.AppID), query.ID(after.OpenID), want), func(r *sql.Rows) error {
					var app, raw sql.RawBytes
					var ends int64
					if err := r.Scan(&app, &raw, &ends); err != nil {
						return err
					}
					id, err := query.OpenID(raw)
					due = append(due, mpblock.DueEnd{Until: mpblock.EndAt(ends), AppID: mpblock.AppID(app), OpenID: id})
					return err
				})
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(due) < before+want {
			break
		}
		after = due[len(due)-1]
	}
	return due, nil
}

// writeEnds writes when changes and entries end, where any does or did. An end that is
// written takes the place of whatever is there: a node of an older version, which knows
// nothing of ends, may have unblocked somebody and left it.
func (p *plan) writeEnds(ctx context.Context, c *sql.Conn, app mpblock.AppID) error {
	var gone []mpblock.OpenID
	for id, end := range p.before.ends {
		if p.ends[id] != end {
			gone = append(gone, id)
		}
	}
	var ends []effect
	for id, end := range p.ends {
		if p.before.ends[id] != end {
			ends, gone = append(ends, effect{id: id, ends: end}), append(gone, id)
		}
	}
	gone = mpblock.Distinct(gone)
	slices.SortFunc(ends, func(a, b effect) int { return a.id.Compare(b.id) })
	if err := query.Remove(ctx, c, "entry_end", app, gone); err != nil {
		return err
	}
	if err := query.Insert(ctx, c, "entry_end (app, openid, ends)", ends, func(e effect) []any {
		return []any{query.App(app), query.ID(e.id), e.ends}
	}); err != nil {
		return err
	}
	changes := slices.DeleteFunc(slices.Clone(p.changes), func(ch mpblock.Change) bool { return ch.Until.IsZero() })
	return query.Insert(ctx, c, "change_end (app, seq, ends)", changes, func(ch mpblock.Change) []any {
		return []any{query.App(app), ch.Seq, mpblock.EndMilli(ch.Until)}
	})
}
