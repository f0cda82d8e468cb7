package sqlstore

import (
	"context"
	"database/sql"

	"mpblock"
)

// entries returns the seqs of those OpenIDs that are blocked.
func entries(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, suffix string) (map[mpblock.OpenID]uint64, error) {
	blocked := make(map[mpblock.OpenID]uint64)
	err := pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := rows(ctx, c, "SELECT openid, seq FROM entry WHERE app = ? AND openid IN "+list(len(piece))+suffix, idArgs(app, piece),
			func(r *sql.Rows) error {
				var raw sql.RawBytes
				var seq uint64
				if err := r.Scan(&raw, &seq); err != nil {
					return err
				}
				id, err := openID(raw)
				blocked[id] = seq
				return err
			})
		return err
	})
	return blocked, err
}

// followers hands over those OpenIDs that are followers.
func followers(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, suffix string, found func(mpblock.OpenID)) error {
	return pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := rows(ctx, c, "SELECT openid FROM follower WHERE app = ? AND openid IN "+list(len(piece))+suffix, idArgs(app, piece),
			func(r *sql.Rows) error {
				var raw sql.RawBytes
				if err := r.Scan(&raw); err != nil {
					return err
				}
				id, err := openID(raw)
				found(id)
				return err
			})
		return err
	})
}

// lastChanges adds the seqs of the last changes that name the OpenIDs.
func lastChanges(ctx context.Context, c *sql.Conn, app mpblock.AppID, ids []mpblock.OpenID, suffix string, last map[mpblock.OpenID]uint64) error {
	return pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := rows(ctx, c, "SELECT openid, MAX(seq) FROM history WHERE app = ? AND openid IN "+list(len(piece))+" GROUP BY openid"+suffix, idArgs(app, piece),
			func(r *sql.Rows) error {
				var raw sql.RawBytes
				var seq uint64
				if err := r.Scan(&raw, &seq); err != nil {
					return err
				}
				id, err := openID(raw)
				last[id] = seq
				return err
			})
		return err
	})
}
