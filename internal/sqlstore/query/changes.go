package query

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"mpblock"
)

// What is added to changes c: what they undo, if anything, and when their entries end.
const (
	WithUndoes = " LEFT JOIN undone u ON u.app = c.app AND u.seq = c.seq"
	WithFields = WithUndoes + " LEFT JOIN change_end d ON d.app = c.app AND d.seq = c.seq"
)

// Changes reads what a statement says of changes: seq, time, action, actor, reason, what
// they undo, when their entries end, and OpenIDs.
func Changes(ctx context.Context, c *sql.Conn, statement string, args ...any) (out []mpblock.Change, err error) {
	_, err = Rows(ctx, c, statement, args, func(r *sql.Rows) error {
		var ch mpblock.Change
		var at int64
		var undoes sql.Null[uint64]
		var ends sql.Null[int64]
		var ids sql.RawBytes
		if err := r.Scan(&ch.Seq, &at, &ch.Action, &ch.Actor, &ch.Reason, &undoes, &ends, &ids); err != nil {
			return err
		}
		if len(ids)%mpblock.OpenIDLen != 0 {
			return fmt.Errorf("%w: change %d with %d bytes of OpenIDs, which is no multiple of %d", ErrDamaged, ch.Seq, len(ids), mpblock.OpenIDLen)
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

// Heads returns those of some changes that there are, without their OpenIDs.
func Heads(ctx context.Context, c *sql.Conn, app mpblock.AppID, seqs []uint64, suffix string) (map[uint64]mpblock.Change, error) {
	found := make(map[uint64]mpblock.Change, len(seqs))
	err := Pieces(seqs, func(piece []uint64) error {
		heads, err := Changes(ctx, c, "SELECT c.seq, c.at, c.action, c.actor, c.reason, u.undoes, d.ends, NULL FROM change_log c"+WithFields+
			" WHERE c.app = ? AND c.seq IN "+List(len(piece))+suffix, Seqs(app, piece)...)
		for _, head := range heads {
			head.OpenIDs = nil
			found[head.Seq] = head
		}
		return err
	})
	return found, err
}
