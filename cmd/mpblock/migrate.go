package main

import (
	"context"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
)

type migrateCmd struct {
	Status migrateStatusCmd `cmd:"" help:"Show the version of the schema of a database, and what is to be done to it."`
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema of a database to the newest version."`
}

type migrateStatusCmd struct {
	database
	JSON bool `help:"Print JSON."`
}

// schemaState is what --json prints of a schema.
type schemaState struct {
	Version int64    `json:"version"`
	Newest  int64    `json:"newest"`
	Pending []string `json:"pending"`
}

// Run shows the state of a database's schema.
func (c migrateStatusCmd) Run(ctx context.Context, t ui.Terminal) error {
	config, err := c.needed()
	if err != nil {
		return err
	}
	s, err := sqlstore.ReadSchema(ctx, config, c.options())
	if err != nil {
		return err
	}
	if c.JSON {
		return t.JSON(schemaState{s.Version, s.Newest, names(s.Pending)})
	}
	t.Printf("%s has version %d; this mpblock knows versions up to %d\n", config, s.Version, s.Newest)
	for _, name := range names(s.Pending) {
		t.Printf("to be done  %s\n", name)
	}
	if s.Version > s.Newest {
		return ui.Failed(ui.CodeFailed, "start the newer mpblock that brought it there", "%s has a schema that is newer than this mpblock", config)
	}
	return nil
}

type migrateUpCmd struct {
	database
	JSON bool `help:"Print JSON."`
}

// Run brings a database's schema to the newest version.
func (c migrateUpCmd) Run(ctx context.Context, t ui.Terminal) error {
	config, err := c.needed()
	if err != nil {
		return err
	}
	done, err := sqlstore.Migrate(ctx, config, c.options())
	if err != nil {
		return err
	}
	if c.JSON {
		return t.JSON(map[string][]string{"done": names(done)})
	}
	for _, name := range names(done) {
		t.Printf("done  %s\n", name)
	}
	t.Printf("the schema of %s is up to date\n", config)
	return nil
}

// needed is config for a command that is about a database and nothing else.
func (d database) needed() (address.Database, error) {
	if d.Store == "" {
		return address.Database{}, ui.Failed(ui.CodeUsage, "--store "+address.Example+", or MPBLOCK_STORE", "no database is named")
	}
	return d.config()
}

func names(migrations []sqlstore.Migration) []string {
	out := []string{}
	for _, m := range migrations {
		out = append(out, m.Name)
	}
	return out
}
