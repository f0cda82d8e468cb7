package sqlstore

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
	atOnce      = 500    // values in a list, rows of an INSERT
	rowsAtOnce  = 10_000 // small rows of an answer
	largeAtOnce = 50     // rows of an answer that may be large
)

// rows reads an answer, row by row, and returns how many there were.
func rows(ctx context.Context, c *sql.Conn, query string, args []any, scan func(*sql.Rows) error) (n int, err error) {
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

// change executes a statement and returns how many rows it found or added.
func change(ctx context.Context, c *sql.Conn, statement string, args ...any) (int64, error) {
	r, err := c.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// pieces cuts a slice into pieces that a statement may name.
func pieces[T any](of []T, do func([]T) error) error {
	for piece := range slices.Chunk(of, atOnce) {
		if err := do(piece); err != nil {
			return err
		}
	}
	return nil
}

// list returns "(?,?,…)" for n values.
func list(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// insert adds rows, each of the same number of values, in pieces.
func insert[T any](ctx context.Context, c *sql.Conn, into string, of []T, row func(T) []any) error {
	return pieces(of, func(piece []T) error {
		var args []any
		var values strings.Builder
		for i, v := range piece {
			r := row(v)
			if i > 0 {
				values.WriteByte(',')
			}
			values.WriteString(list(len(r)))
			args = append(args, r...)
		}
		_, err := change(ctx, c, "INSERT INTO "+into+" VALUES "+values.String(), args...)
		return err
	})
}

// appArg and idArg are values as bytes: as text they would have a character set.
func appArg(app mpblock.AppID) any { return []byte(app) }

func idArg(id mpblock.OpenID) any { return id[:] }

// idArgs returns the account and the OpenIDs as values of a statement.
func idArgs(app mpblock.AppID, ids []mpblock.OpenID) []any {
	args := make([]any, 0, len(ids)+1)
	args = append(args, appArg(app))
	for i := range ids {
		args = append(args, ids[i][:])
	}
	return args
}

// openID reads an OpenID of a row.
func openID(b []byte) (id mpblock.OpenID, err error) {
	if copy(id[:], b) != len(id) || len(b) != len(id) {
		return id, fmt.Errorf("%w: an OpenID of %d bytes, want %d", errDamaged, len(b), len(id))
	}
	return id, nil
}

// eachOpenID reads an answer of OpenIDs from the driver itself, which hands each
// over as it lies in what the server has sent: of a page, that halves the work.
func eachOpenID(ctx context.Context, c *sql.Conn, query string, args []driver.Value, do func(mpblock.OpenID)) error {
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
			id, err := openID(raw)
			if err != nil {
				return err
			}
			do(id)
		}
	})
}
