package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return query.Changes(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, c.openids FROM change_log c"+query.WithFields+" WHERE c.app = ? AND c.seq > ? ORDER BY c.seq LIMIT ?",
			query.App(app), after, limit)
	})
}

// ChangesOf implements mpblock.Store.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return query.Changes(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, h.openid FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+query.WithFields+
			" WHERE h.app = ? AND h.openid = ? AND h.seq > ? ORDER BY h.seq LIMIT ?", query.App(app), query.ID(id), after, limit)
	})
}

// changes reads a log in pieces. What has been read of it does not change, so the
// pieces need not be of one instant.
func (s *Store) changes(ctx context.Context, app mpblock.AppID, after uint64, limit int,
	read func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error),
) ([]mpblock.Change, error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	var out []mpblock.Change
	for len(out) < limit {
		want := min(limit-len(out), query.LargeAtOnce)
		var piece []mpblock.Change
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
			piece, err = read(ctx, c, after, want)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
		if len(piece) < want {
			break
		}
		after = piece[len(piece)-1].Seq
	}
	return out, nil
}

// ChangeHeads implements mpblock.Store. The OpenIDs lie apart from the rest of a
// change, and are not read.
func (s *Store) ChangeHeads(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]mpblock.Change, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("sqlstore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	var found map[uint64]mpblock.Change
	if err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
		found, err = query.Heads(ctx, c, app, seqs, "")
		return err
	}); err != nil {
		return nil, err
	}
	heads := make([]mpblock.Change, len(seqs))
	for i, seq := range seqs {
		head, ok := found[seq]
		if !ok {
			return nil, &mpblock.NoChangeError{Seq: seq}
		}
		heads[i] = head
	}
	return heads, nil
}

// Requests implements mpblock.Store.
func (s *Store) Requests(ctx context.Context, app mpblock.AppID, after [16]byte, limit int) (out []mpblock.Request, err error) {
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	err = s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
		out, err = query.Requests(ctx, c, app, "id > ? ORDER BY id LIMIT ?", after[:], min(limit, query.RowsAtOnce))
		return err
	})
	return out, err
}

// Undone implements mpblock.Store.
func (s *Store) Undone(ctx context.Context, app mpblock.AppID, seqs []uint64) ([]uint64, error) {
	if len(seqs) > mpblock.MaxHeads {
		return nil, fmt.Errorf("sqlstore: %d changes in one call, at most %d", len(seqs), mpblock.MaxHeads)
	}
	if err := s.enterApp(ctx, app); err != nil {
		return nil, err
	}
	defer s.leave()
	undone := make(map[uint64]uint64)
	err := query.Pieces(seqs, func(piece []uint64) error {
		return s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
			_, err := query.Rows(ctx, c, "SELECT undoes, MAX(seq) FROM undone WHERE app = ? AND undoes IN "+query.List(len(piece))+" GROUP BY undoes", query.Seqs(app, piece), func(r *sql.Rows) error {
				var seq, by uint64
				err := r.Scan(&seq, &by)
				undone[seq] = by
				return err
			})
			return err
		})
	})
	by := make([]uint64, len(seqs))
	for i, seq := range seqs {
		by[i] = undone[seq]
	}
	return by, err
}

// Histories implements mpblock.Store. It goes over the table in its own order.
func (s *Store) Histories(ctx context.Context, app mpblock.AppID, after, last mpblock.OpenID, each func(mpblock.OpenID, mpblock.Change)) error {
	if err := s.enterApp(ctx, app); err != nil {
		return err
	}
	defer s.leave()
	for at := (effect{id: after, seq: math.MaxInt64}); ; {
		var effects []effect
		err := s.call(ctx, func(ctx context.Context, c *sql.Conn) (err error) {
			effects, err = readEffects(ctx, c, app, at, last)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range effects {
			each(e.id, mpblock.Change{Seq: e.seq, Action: e.action, Undoes: e.undoes})
		}
		if len(effects) < query.RowsAtOnce {
			return nil
		}
		at = effects[len(effects)-1]
	}
}

// readEffects reads effects behind one, up to those of an OpenID: first the rest of
// those of the OpenID that the place is of. The order of the tables is given, as an
// engine that begins with the changes has to sort all.
func readEffects(ctx context.Context, c *sql.Conn, app mpblock.AppID, at effect, last mpblock.OpenID) (effects []effect, err error) {
	read := func(where string, args ...any) error {
		args = append(append([]any{query.App(app)}, args...), query.RowsAtOnce-len(effects))
		_, err = query.Rows(ctx, c, "SELECT STRAIGHT_JOIN h.openid, h.seq, c.action, COALESCE(u.undoes, 0) FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+query.WithUndoes+
			" WHERE h.app = ? AND "+where+" ORDER BY h.openid, h.seq LIMIT ?", args, func(r *sql.Rows) error {
			var raw sql.RawBytes
			var e effect
			if err := r.Scan(&raw, &e.seq, &e.action, &e.undoes); err != nil {
				return err
			}
			e.id, err = query.OpenID(raw)
			effects = append(effects, e)
			return err
		})
		return err
	}
	if at.seq != math.MaxInt64 {
		if err := read("h.openid = ? AND h.seq > ?", query.ID(at.id), at.seq); err != nil || len(effects) == query.RowsAtOnce {
			return effects, err
		}
	}
	return effects, read("h.openid > ? AND h.openid <= ?", query.ID(at.id), query.ID(last))
}
