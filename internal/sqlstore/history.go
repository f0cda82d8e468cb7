package sqlstore

import (
	"context"
	"database/sql"

	"mpblock"
)

// place is where a reading of histories goes on.
type place struct {
	id  mpblock.OpenID
	seq uint64
}

// step is one change of one OpenID.
type step struct {
	place
	action mpblock.Action
}

// Histories implements mpblock.HistoryReader.
func (s *Store) Histories(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	if err := s.enterApp(ctx, app); err != nil {
		return err
	}
	defer s.leave()
	return pieces(distinct(ids), func(piece []mpblock.OpenID) error {
		for last := (place{}); ; {
			var steps []step
			err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
				steps, err = readSteps(ctx, c, app, piece, last)
				return err
			})
			if err != nil {
				return err
			}
			for _, st := range steps {
				each(st.id, mpblock.Change{Seq: st.seq, Action: st.action})
			}
			if len(steps) < rowsAtOnce {
				return nil
			}
			last = steps[len(steps)-1].place
		}
	})
}

// readSteps reads the histories of some OpenIDs behind a place.
func readSteps(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, last place) (steps []step, err error) {
	args := append(idArgs(app, ids), last.id[:], last.id[:], last.seq, rowsAtOnce)
	_, err = rows(ctx, c, "SELECT h.openid, h.seq, c.action FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+
		" WHERE h.app = ? AND h.openid IN "+list(len(ids))+" AND (h.openid > ? OR h.openid = ? AND h.seq > ?) ORDER BY h.openid, h.seq LIMIT ?",
		args, func(r *sql.Rows) error {
			var raw sql.RawBytes
			var st step
			if err := r.Scan(&raw, &st.seq, &st.action); err != nil {
				return err
			}
			st.id, err = openID(raw)
			steps = append(steps, st)
			return err
		})
	return steps, err
}
