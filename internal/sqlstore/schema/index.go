package schema

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pressly/goose/v3"
)

// The ends of each account in an order of their own: a page of them is read from its shard
// alone, and from no other account's. The second statement is refused where there is no
// such index, by Vitess where one of its shards has none.
const (
	alterEndsOf = "ALTER TABLE entry_end ADD KEY ends_of (app, ends, openid)"
	useEndsOf   = "SELECT app FROM entry_end FORCE INDEX (ends_of) LIMIT 1"
)

// endsOf is a migration that no file can be, as not every engine adds an index only where
// it is not there yet. It can be run again, also where some shards have the index.
func endsOf() *goose.Migration {
	m := goose.NewGoMigration(6, &goose.GoFunc{RunDB: addEndsOf}, nil)
	m.Source = "00006_ends_of.go"
	return m
}

func addEndsOf(ctx context.Context, db *sql.DB) error {
	if there(ctx, db) == nil {
		return nil
	}
	_, err := db.ExecContext(ctx, alterEndsOf)
	if missing := there(ctx, db); missing != nil {
		return errors.Join(err, missing)
	}
	return nil
}

// there tells that the index is on all shards, by no error.
func there(ctx context.Context, db *sql.DB) error {
	r, err := db.QueryContext(ctx, useEndsOf)
	if err != nil {
		return err
	}
	return errors.Join(r.Err(), r.Close())
}
