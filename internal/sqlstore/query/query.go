// Package query has what the statements of the store in a database are made of, and how
// their answers are read.
package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mpblock"
)

// Sizes of statements and answers. Vitess returns no more than 10,000 rows, MariaDB
// turns a list of 1,000 values or more into a table first, and every server has a
// limit to the size of what it is sent and of what it sends.
const (
	AtOnce      = 500    // values in a list, rows of an INSERT
	RowsAtOnce  = 10_000 // small rows of an answer
	LargeAtOnce = 50     // rows of an answer that may be large
)

// ErrDamaged is wrapped by errors of what is in the database and cannot be.
var ErrDamaged = errors.New("the database holds what mpblock does not write")

// Rows reads an answer, row by row, and returns how many there were.
func Rows(ctx context.Context, c *sql.Conn, query string, args []any, scan func(*sql.Rows) error) (n int, err error) {
	r, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer r.Close() //nolint:errcheck // r.Err says what was wrong
	for r.Next() {
		if err := scan(r); err != nil {
			return n, err
		}
		n++
	}
	return n, r.Err()
}

// Change executes a statement and returns how many rows it found or added.
func Change(ctx context.Context, c *sql.Conn, statement string, args ...any) (int64, error) {
	r, err := c.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Pieces cuts a slice into pieces that a statement may name.
func Pieces[T any](of []T, do func([]T) error) error {
	for piece := range slices.Chunk(of, AtOnce) {
		if err := do(piece); err != nil {
			return err
		}
	}
	return nil
}

// List returns "(?,?,…)" for n values.
func List(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// Insert adds rows, each of the same number of values, in pieces.
func Insert[T any](ctx context.Context, c *sql.Conn, into string, of []T, row func(T) []any) error {
	return Pieces(of, func(piece []T) error {
		var args []any
		var values strings.Builder
		for i, v := range piece {
			r := row(v)
			if i > 0 {
				values.WriteByte(',')
			}
			values.WriteString(List(len(r)))
			args = append(args, r...)
		}
		_, err := Change(ctx, c, "INSERT INTO "+into+" VALUES "+values.String(), args...)
		return err
	})
}

// App and ID are values as bytes: as text they would have a character set.
func App(app mpblock.AppID) any { return []byte(app) }

// ID is an OpenID as a value.
func ID(id mpblock.OpenID) any { return id[:] }

// IDs returns the account and the OpenIDs as values of a statement.
func IDs(app mpblock.AppID, ids []mpblock.OpenID) []any {
	args := make([]any, 0, len(ids)+1)
	args = append(args, App(app))
	for i := range ids {
		args = append(args, ids[i][:])
	}
	return args
}

// Seqs returns the account and seqs as values of a statement.
func Seqs(app mpblock.AppID, seqs []uint64) []any {
	args := []any{App(app)}
	for _, seq := range seqs {
		args = append(args, seq)
	}
	return args
}

// OpenID reads an OpenID of a row.
func OpenID(b []byte) (id mpblock.OpenID, err error) {
	if copy(id[:], b) != len(id) || len(b) != len(id) {
		return id, fmt.Errorf("%w: an OpenID of %d bytes, want %d", ErrDamaged, len(b), len(id))
	}
	return id, nil
}

// EachOpenID reads an answer of OpenIDs from the driver itself, which hands each
// over as it lies in what the server has sent: of a page, that halves the work.
func EachOpenID(ctx context.Context, c *sql.Conn, query string, args []driver.Value, do func(mpblock.OpenID)) error {
	return c.Raw(func(conn any) (err error) {
		named := make([]driver.NamedValue, len(args))
		for i, v := range args {
			named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		r, err := conn.(driver.QueryerContext).QueryContext(ctx, query, named) //nolint:forcetypeassert // the driver's connections are
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		for row := make([]driver.Value, 1); ; {
			switch err := r.Next(row); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			raw, _ := row[0].([]byte)
			id, err := OpenID(raw)
			if err != nil {
				return err
			}
			do(id)
		}
	})
}

// Pack puts OpenIDs behind each other, as a change keeps them.
func Pack(ids []mpblock.OpenID) []byte {
	b := make([]byte, 0, len(ids)*mpblock.OpenIDLen)
	for i := range ids {
		b = append(b, ids[i][:]...)
	}
	return b
}

// Remove deletes rows of a list.
func Remove(ctx context.Context, c *sql.Conn, table string, app mpblock.AppID, ids []mpblock.OpenID) error {
	return Pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := Change(ctx, c, "DELETE FROM "+table+" WHERE app = ? AND openid IN "+List(len(piece)), IDs(app, piece)...)
		return err
	})
}

// LookUp returns the numbers of those OpenIDs that a query finds.
func LookUp(ctx context.Context, c *sql.Conn, statement string, app mpblock.AppID, ids []mpblock.OpenID, suffix string) (map[mpblock.OpenID]uint64, error) {
	found := make(map[mpblock.OpenID]uint64)
	err := Pieces(ids, func(piece []mpblock.OpenID) error {
		_, err := Rows(ctx, c, fmt.Sprintf(statement, List(len(piece)))+suffix, IDs(app, piece), func(r *sql.Rows) error {
			var raw sql.RawBytes
			var n uint64
			if err := r.Scan(&raw, &n); err != nil {
				return err
			}
			id, err := OpenID(raw)
			found[id] = n
			return err
		})
		return err
	})
	return found, err
}
