package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"mpblock"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/datadir"
	"mpblock/internal/pebblestore"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
)

// database is the flags of the commands that use a database as the store.
type database struct {
	Store             string        `help:"Database that is the store, instead of the data directory: a MariaDB Galera cluster, Vitess, TiDB, MariaDB or MySQL." env:"MPBLOCK_STORE" placeholder:"mysql://USER:PASSWORD@HOST:PORT,…/DATABASE?tls=true"`
	StorePasswordFile string        `help:"File with the password for the database, if it is not in the address." env:"MPBLOCK_STORE_PASSWORD_FILE" placeholder:"FILE"`
	StoreTimeout      time.Duration `help:"How long a call waits for the database before it answers -1. Default: ${default}." default:"10s" env:"MPBLOCK_STORE_TIMEOUT"`
	StoreConns        int           `help:"Connections to the database. Default: ${default}." default:"32" env:"MPBLOCK_STORE_CONNS"`
}

// config returns where the database is. Its errors do not repeat the address, which
// may hold a password.
func (d database) config() (address.Database, error) {
	c, err := address.Parse(d.Store)
	if err != nil {
		return c, ui.Failure{Code: ui.CodeUsage, Err: err, Hint: "with the password in a file: --store mysql://user@host:3306/database --store-password-file FILE"}
	}
	if d.StoreTimeout < time.Second || d.StoreConns < 2 {
		return c, ui.Failed(ui.CodeUsage, "leave them out for the defaults", "--store-timeout %v, --store-conns %d: want 1s and 2 connections or more", d.StoreTimeout, d.StoreConns)
	}
	if d.StorePasswordFile == "" {
		return c, nil
	}
	if c.Password != "" {
		return c, ui.Failed(ui.CodeUsage, "leave it out of the address", "a password in the address of the database and --store-password-file")
	}
	b, err := os.ReadFile(d.StorePasswordFile)
	if err != nil {
		return c, fmt.Errorf("--store-password-file: %w", err)
	}
	c.Password = ui.FileSecret(b)
	return c, nil
}

func (d database) options() sqlstore.Options {
	return sqlstore.Options{Timeout: d.StoreTimeout, MaxConns: d.StoreConns}
}

// open opens the store in the database.
func (d database) open(ctx context.Context, o sqlstore.Options) (*sqlstore.Store, error) {
	c, err := d.config()
	if err != nil {
		return nil, err
	}
	s, err := sqlstore.Open(ctx, c, o)
	return s, explainDatabase(err)
}

// explainDatabase adds what to do about an error of a database.
func explainDatabase(err error) error {
	if err == nil || errors.Is(err, sqlstore.ErrSchema) {
		return err
	}
	return ui.Failure{Code: ui.CodeFailed, Err: err, Hint: "mpblock migrate status --store " + address.Example + "   tells whether a database answers"}
}

// at is the database at an address.
func (d database) at(address string) database {
	d.Store = address
	return d
}

// isDatabase tells an address from a directory.
func isDatabase(where string) bool { return strings.HasPrefix(where, address.Scheme) }

// named is how a store is called in messages: its directory, or its address without
// the password.
func named(where string) string {
	if !isDatabase(where) {
		return where
	}
	c, err := address.Parse(where)
	if err != nil {
		return "the database"
	}
	return c.String()
}

// openAtRest opens a store that nobody else is to write to, and that stays as it is.
func openAtRest(ctx context.Context, where string, d database) (mpblock.Store, error) {
	if isDatabase(where) {
		o := d.options()
		o.NoMigrate = true
		return d.at(where).open(ctx, o)
	}
	store, err := pebblestore.Open(where, pebblestore.Options{ReadOnly: true})
	switch {
	case err == nil:
		return store, nil
	case errors.Is(err, datadir.ErrInUse):
		return nil, ui.Failed(ui.CodeInUse, "mpblock backup --data "+where+" COPY && mpblock check COPY", "%s is in use by another process", where)
	case errors.Is(err, fs.ErrPermission):
		return nil, ui.Failed(ui.CodeFailed, "run this as the user who runs the server", "%s cannot be read: %w", where, fs.ErrPermission)
	case errors.Is(err, pebblestore.ErrLayout):
		return nil, ui.Failed(ui.CodeFailed, "the store is not damaged for that: take the mpblock that wrote it, or a newer one", "%w", err)
	case errors.Is(err, pebblestore.ErrNoStore):
		return nil, ui.Failed(ui.CodeFailed, "name a data directory of mpblock serve, or a backup", "%w", err)
	}
	return nil, ui.Failed(ui.CodeDamaged, goBack, "%w", err)
}
