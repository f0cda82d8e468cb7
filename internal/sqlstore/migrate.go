package sqlstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/schema"
)

//go:embed migrations
var migrationFiles embed.FS

// ErrSchema is wrapped by the errors of a database whose schema is not the one that
// this program works on.
var ErrSchema = errors.New("the schema of the database does not fit")

var errIsolation = errors.New("the isolation of transactions does not fit")

// Schema is the state of a database's schema.
type Schema struct {
	Version int64 // of the database; 0: it is empty
	Newest  int64 // that this program knows, and works on
	Pending []Migration
}

// Migration is a step from one version of the schema to the next.
type Migration struct {
	Version int64
	Name    string // of its file
}

// ReadSchema returns the state of a database's schema and changes nothing.
func ReadSchema(ctx context.Context, c address.Database, o Options) (Schema, error) {
	return withSchema(ctx, c, o, (*Store).schema)
}

// Migrate brings a database's schema to the newest version and returns the
// migrations that it applied. Of several nodes that do so at once, one works and
// the others wait for it.
func Migrate(ctx context.Context, c address.Database, o Options) ([]Migration, error) {
	return withSchema(ctx, c, o, (*Store).migrate)
}

func withSchema[T any](ctx context.Context, c address.Database, o Options, do func(*Store, context.Context) (T, error)) (out T, err error) {
	s, err := connect(c, o)
	if err != nil {
		return out, err
	}
	if err = s.reach(ctx); err == nil {
		out, err = do(s, ctx)
	}
	return out, errors.Join(err, s.db.Close())
}

// checkSchema brings the schema up to date, or says what is wrong with it.
func (s *Store) checkSchema(ctx context.Context, migrate bool) error {
	schema, err := s.schema(ctx)
	switch {
	case err != nil:
		return err
	case schema.Version > schema.Newest:
		return fmt.Errorf("%w: that of %s has version %d, and this mpblock knows versions up to %d: start the newer mpblock that brought it there, on every node",
			ErrSchema, s.where, schema.Version, schema.Newest)
	case len(schema.Pending) == 0:
		return nil
	case !migrate:
		return fmt.Errorf("%w: that of %s has version %d, and this mpblock needs version %d: run mpblock migrate up",
			ErrSchema, s.where, schema.Version, schema.Newest)
	}
	done, err := s.migrate(ctx)
	if err == nil && len(done) > 0 {
		s.log.Info("the schema of the database is up to date", "database", s.where, "version", schema.Newest)
	}
	return err
}

func (s *Store) schema(ctx context.Context) (Schema, error) {
	var out Schema
	provider, err := s.migrations()
	if err != nil {
		return out, err
	}
	c, err := s.db.Conn(ctx)
	if err != nil {
		return out, err
	}
	defer c.Close() //nolint:errcheck // it goes back to the pool
	out.Version, err = schema.Version(ctx, c)
	for _, source := range provider.ListSources() {
		out.Newest = max(out.Newest, source.Version)
		if source.Version > out.Version {
			out.Pending = append(out.Pending, Migration{source.Version, source.Path})
		}
	}
	return out, err
}

func (s *Store) migrate(ctx context.Context) ([]Migration, error) {
	provider, err := s.migrations()
	if err != nil {
		return nil, err
	}
	var done []Migration
	for tries := 1; ; tries++ {
		results, err := provider.Up(ctx)
		for _, r := range results {
			done = append(done, Migration{r.Source.Version, r.Source.Path})
		}
		switch {
		case err == nil:
			return done, nil
		case !transient(err) || tries == migrateTries || ctx.Err() != nil:
			return done, fmt.Errorf("sqlstore: migrate %s: %w", s.where, err)
		}
	}
}

func (s *Store) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return schema.Migrations(s.db, files, MaxSkew)
}

// migrateTries is how often migrations are begun: what was done of one that failed
// is not done again.
const migrateTries = 5
