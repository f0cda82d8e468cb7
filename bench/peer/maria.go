// Package peer keeps blacklists in what a user would pick instead of mpblock, for a
// handler to be measured beside it.
package peer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"mpblock"
	"mpblock/internal/memstore"
)

// Maria keeps blacklists in MariaDB; accounts and tokens stay in memory, where
// they cost nothing. The row of the account in heads holds total and seq, and is
// the lock under which its changes follow one another.
type Maria struct {
	*memstore.Store
	DB *sql.DB
}

// mariaSchema is what the store needs, a statement each. Tables of InnoDB are
// clustered by their primary key: a page is one range of neighbouring rows.
var mariaSchema = []string{
	`CREATE TABLE heads (app CHAR(18) NOT NULL PRIMARY KEY, total BIGINT NOT NULL, seq BIGINT UNSIGNED NOT NULL)
		ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
	`CREATE TABLE entries (app CHAR(18) NOT NULL, openid CHAR(28) NOT NULL, seq BIGINT UNSIGNED NOT NULL, PRIMARY KEY (app, openid))
		ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
	`CREATE TABLE changes (app CHAR(18) NOT NULL, seq BIGINT UNSIGNED NOT NULL, head VARBINARY(2000) NOT NULL, openids LONGBLOB NOT NULL, PRIMARY KEY (app, seq))
		ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
	`CREATE TABLE followers (app CHAR(18) NOT NULL, openid CHAR(28) NOT NULL, PRIMARY KEY (app, openid))
		ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
}

// OpenMaria opens a database of a server by its socket.
func OpenMaria(socket, database string) (*Maria, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.DBName = "unix", socket, "root", database
	c.InterpolateParams = true // one round trip a statement
	c.Collation = "ascii_bin"
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(128)
	db.SetMaxIdleConns(128)
	return &Maria{memstore.New(), db}, nil
}

// in is the list of as many OpenIDs, and the arguments with the account in front.
func in(app mpblock.AppID, ids []mpblock.OpenID) (marks string, args []any) {
	args = append(make([]any, 0, 1+len(ids)), string(app))
	for _, id := range ids {
		args = append(args, id.String())
	}
	return "(?" + strings.Repeat(",?", len(ids)-1) + ")", args
}

// Apply implements mpblock.Store as far as the API looks at the answer.
func (s *Maria) Apply(ctx context.Context, app mpblock.AppID, b mpblock.Batch) (change mpblock.Change, err error) {
	if err := b.Validate(); err != nil {
		return change, err
	}
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return change, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var total int
	var seq uint64
	if err := tx.QueryRowContext(ctx, "SELECT total, seq FROM heads WHERE app=? FOR UPDATE", string(app)).Scan(&total, &seq); err != nil {
		return change, err
	}
	blocked, err := s.among(ctx, tx, "entries", app, b.OpenIDs)
	if err != nil {
		return change, err
	}
	if b.Known {
		if err := s.checkKnown(ctx, tx, app, b.OpenIDs, blocked); err != nil {
			return change, err
		}
	}
	var effect []mpblock.OpenID
	for _, id := range b.OpenIDs {
		if blocked[id] != (b.Action == mpblock.Block) {
			blocked[id] = b.Action == mpblock.Block
			effect = append(effect, id)
		}
	}
	if len(effect) == 0 {
		return change, tx.Rollback()
	}
	if err := s.write(ctx, tx, app, b, effect, total, seq+1); err != nil {
		return change, err
	}
	return mpblock.Change{Seq: seq + 1, OpenIDs: effect}, tx.Commit()
}

// write writes entries, change and head.
func (s *Maria) write(ctx context.Context, tx *sql.Tx, app mpblock.AppID, b mpblock.Batch, effect []mpblock.OpenID, total int, seq uint64) error {
	log := make([]byte, 0, len(effect)*mpblock.OpenIDLen)
	for _, id := range effect {
		log = append(log, id[:]...)
	}
	var statement string
	var args []any
	if b.Action == mpblock.Block {
		total += len(effect)
		statement = "INSERT INTO entries (app, openid, seq) VALUES (?,?,?)" + strings.Repeat(",(?,?,?)", len(effect)-1)
		for _, id := range effect {
			args = append(args, string(app), id.String(), seq)
		}
	} else {
		total -= len(effect)
		var marks string
		marks, args = in(app, effect)
		statement = "DELETE FROM entries WHERE app=? AND openid IN " + marks
	}
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO changes (app, seq, head, openids) VALUES (?,?,?,?)", string(app), seq, logHead(b), log); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE heads SET total=?, seq=? WHERE app=?", total, seq, string(app))
	return err
}

// among returns which of the OpenIDs are in a table.
func (s *Maria) among(ctx context.Context, tx *sql.Tx, table string, app mpblock.AppID, ids []mpblock.OpenID) (map[mpblock.OpenID]bool, error) {
	marks, args := in(app, ids)
	rows, err := tx.QueryContext(ctx, "SELECT openid FROM "+table+" WHERE app=? AND openid IN "+marks, args...) //nolint:gosec // a constant and question marks
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // its error is rows.Err
	found := make(map[mpblock.OpenID]bool, len(ids))
	var raw sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		found[mpblock.OpenID(raw)] = true
	}
	return found, rows.Err()
}

func (s *Maria) checkKnown(ctx context.Context, tx *sql.Tx, app mpblock.AppID, ids []mpblock.OpenID, blocked map[mpblock.OpenID]bool) error {
	followers, err := s.among(ctx, tx, "followers", app, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		if !blocked[id] && !followers[id] {
			return &mpblock.UnknownError{Index: i}
		}
	}
	return nil
}

// Blacklist implements mpblock.Store; page and total are of one snapshot.
func (s *Maria) Blacklist(ctx context.Context, app mpblock.AppID, after mpblock.OpenID, limit int) (p mpblock.Page, err error) {
	tx, err := s.DB.BeginTx(ctx, nil) // repeatable read
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }() // nothing was written
	var total int
	var seq uint64
	if err := tx.QueryRowContext(ctx, "SELECT total, seq FROM heads WHERE app=?", string(app)).Scan(&total, &seq); err != nil {
		return p, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT openid FROM entries WHERE app=? AND openid>? ORDER BY openid LIMIT ?", string(app), after.String(), limit)
	if err != nil {
		return p, err
	}
	defer rows.Close() //nolint:errcheck // its error is rows.Err
	ids := make([]mpblock.OpenID, 0, limit)
	var raw sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&raw); err != nil {
			return p, err
		}
		ids = append(ids, mpblock.OpenID(raw))
	}
	return mpblock.Page{OpenIDs: ids, Total: total, Seq: seq}, rows.Err()
}

// Fill makes the tables and blocks OpenIDs, which are in order.
func (s *Maria) Fill(ctx context.Context, app mpblock.AppID, ids []mpblock.OpenID) error {
	for _, statement := range mariaSchema {
		if _, err := s.DB.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := s.DB.ExecContext(ctx, "INSERT INTO heads VALUES (?,?,0)", string(app), len(ids)); err != nil {
		return err
	}
	const part = 10_000
	for len(ids) > 0 {
		n := min(part, len(ids))
		var b strings.Builder
		b.WriteString("INSERT INTO entries (app, openid, seq) VALUES ")
		for i, id := range ids[:n] {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "('%s','%s',0)", app, id)
		}
		if _, err := s.DB.ExecContext(ctx, b.String()); err != nil {
			return fmt.Errorf("fill MariaDB: %w", err)
		}
		ids = ids[n:]
	}
	return nil
}

// Close implements mpblock.Store.
func (s *Maria) Close() error { return s.DB.Close() }
