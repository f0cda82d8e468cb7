package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"mpblock"
)

// Changes implements mpblock.Store.
func (s *Store) Changes(ctx context.Context, app mpblock.AppID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, c.openids FROM change_log c"+withUndoes+" WHERE c.app = ? AND c.seq > ? ORDER BY c.seq LIMIT ?",
			appArg(app), after, limit)
	})
}

// ChangesOf implements mpblock.Store.
func (s *Store) ChangesOf(ctx context.Context, app mpblock.AppID, id mpblock.OpenID, after uint64, limit int) ([]mpblock.Change, error) {
	return s.changes(ctx, app, after, limit, func(ctx context.Context, c *sql.Conn, after uint64, limit int) ([]mpblock.Change, error) {
		return readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, h.openid FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+withUndoes+
			" WHERE h.app = ? AND h.openid = ? AND h.seq > ? ORDER BY h.seq LIMIT ?", appArg(app), idArg(id), after, limit)
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
		want := min(limit-len(out), largeAtOnce)
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

// withUndoes adds to changes what they undo, if anything.
const withUndoes = " LEFT JOIN undone u ON u.app = c.app AND u.seq = c.seq"

func readChanges(ctx context.Context, c *sql.Conn, query string, args ...any) (out []mpblock.Change, err error) {
	_, err = rows(ctx, c, query, args, func(r *sql.Rows) error {
		var ch mpblock.Change
		var at int64
		var undoes sql.Null[uint64]
		var ids sql.RawBytes
		if err := r.Scan(&ch.Seq, &at, &ch.Action, &ch.Actor, &ch.Reason, &undoes, &ids); err != nil {
			return err
		}
		if len(ids)%mpblock.OpenIDLen != 0 {
			return fmt.Errorf("%w: change %d with %d bytes of OpenIDs, which is no multiple of %d", errDamaged, ch.Seq, len(ids), mpblock.OpenIDLen)
		}
		ch.Undoes = undoes.V
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
	found := make(map[uint64]mpblock.Change, len(seqs))
	if err := pieces(seqs, func(piece []uint64) error {
		args := []any{appArg(app)}
		for _, seq := range piece {
			args = append(args, seq)
		}
		return s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
			heads, err := readChanges(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, NULL FROM change_log c"+withUndoes+" WHERE c.app = ? AND c.seq IN "+list(len(piece)), args...)
			for _, head := range heads {
				head.OpenIDs = nil
				found[head.Seq] = head
			}
			return err
		})
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
	err := pieces(seqs, func(piece []uint64) error {
		args := []any{appArg(app)}
		for _, seq := range piece {
			args = append(args, seq)
		}
		return s.call(ctx, func(ctx context.Context, c *sql.Conn) error {
			_, err := rows(ctx, c, "SELECT undoes, MAX(seq) FROM undone WHERE app = ? AND undoes IN "+list(len(piece))+" GROUP BY undoes", args, func(r *sql.Rows) error {
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
		if len(effects) < rowsAtOnce {
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
		args = append(append([]any{appArg(app)}, args...), rowsAtOnce-len(effects))
		_, err = rows(ctx, c, "SELECT STRAIGHT_JOIN h.openid, h.seq, c.action, COALESCE(u.undoes, 0) FROM history h JOIN change_log c ON c.app = h.app AND c.seq = h.seq"+withUndoes+
			" WHERE h.app = ? AND "+where+" ORDER BY h.openid, h.seq LIMIT ?", args, func(r *sql.Rows) error {
			var raw sql.RawBytes
			var e effect
			if err := r.Scan(&raw, &e.seq, &e.action, &e.undoes); err != nil {
				return err
			}
			e.id, err = openID(raw)
			effects = append(effects, e)
			return err
		})
		return err
	}
	if at.seq != math.MaxInt64 {
		if err := read("h.openid = ? AND h.seq > ?", idArg(at.id), at.seq); err != nil || len(effects) == rowsAtOnce {
			return effects, err
		}
	}
	return effects, read("h.openid > ? AND h.openid <= ?", idArg(at.id), idArg(last))
}
