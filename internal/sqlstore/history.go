package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore/query"
)

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, c.openids FROM change_log c"+withFields+" WHERE c.app = ? AND c.seq > ? ORDER BY c.seq LIMIT ?",
			query.App(app), after, limit)
	})
}

// ChangesOf implements mpblock.Store.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, h.openid FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+withFields+
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

// What is added to changes: what they undo, if anything, and when their entries end.
const (
	withUndoes = " LEFT JOIN undone u ON u.app = c.app AND u.seq = c.seq"
	withFields = withUndoes + " LEFT JOIN change_end d ON d.app = c.app AND d.seq = c.seq"
)

func readChanges(ctx context.Context, c *sql.Conn, statement string, args ...any) (out []mpblock.Change, err error) {
	_, err = query.Rows(ctx, c, statement, args, func(r *sql.Rows) error {
		var ch mpblock.Change
		var at int64
		var undoes sql.Null[uint64]
		var ends sql.Null[int64]
		var ids sql.RawBytes
		if err := r.Scan(&ch.Seq, &at, &ch.Action, &ch.Actor, &ch.Reason, &undoes, &ends, &ids); err != nil {
			return err
		}
		if len(ids)%mpblock.OpenIDLen != 0 {
			return fmt.Errorf("%w: change %d with %d bytes of OpenIDs, which is no multiple of %d", query.ErrDamaged, ch.Seq, len(ids), mpblock.OpenIDLen)
		}
		ch.Undoes, ch.Until = undoes.V, mpblock.EndAt(ends.V)
		ch.Time = time.UnixMilli(at).UTC()
		ch.OpenIDs = make([]mpblock.OpenID, len(ids)/mpblock.OpenIDLen)
		for i := range ch.OpenIDs {
			copy(ch.OpenIDs[i][:], ids[i*mpblock.OpenIDLen:])
		}
		out = append(out, ch)
		return nil
	})
	return out, err
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
		found, err = readHeads(ctx, c, app, seqs, "")
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

// readHeads returns those of some changes that there are, without their OpenIDs.
func readHeads(ctx context.Context, c *sql.Conn, app mpblock.AppID, seqs []uint64, suffix string) (map[uint64]mpblock.Change, error) {
	found := make(map[uint64]mpblock.Change, len(seqs))
	err := query.Pieces(seqs, func(piece []uint64) error {
		heads, err := readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, NULL FROM change_log c"+withFields+
			" WHERE c.app = ? AND c.seq IN "+query.List(len(piece))+suffix, query.Seqs(app, piece)...)
		for _, head := range heads {
			head.OpenIDs = nil
			found[head.Seq] = head
		}
		return err
	})
	return found, err
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
		_, err = query.Rows(ctx, c, "SELECT STRAIGHT_JOIN h.openid, h.seq, c.action, COALESCE(u.undoes, 0) FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+withUndoes+
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
