package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
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
func ReadSchema(ctx context.Context, c Config, o Options) (Schema, error) {
	return withSchema(ctx, c, o, (*Store).schema)
}

// Migrate brings a database's schema to the newest version and returns the
// migrations that it applied. Of several nodes that do so at once, one works and
// the others wait for it.
func Migrate(ctx context.Context, c Config, o Options) ([]Migration, error) {
	return withSchema(ctx, c, o, (*Store).migrate)
}

func withSchema[T any](ctx context.Context, c Config, o Options, do func(*Store, context.Context) (T, error)) (out T, err error) {
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
	provider, err := s.goose()
	if err != nil {
		return out, err
	}
	c, err := s.db.Conn(ctx)
	if err != nil {
		return out, err
	}
	defer c.Close() //nolint:errcheck // it goes back to the pool
	there, err := versions{}.TableExists(ctx, c)
	if err == nil && there {
		out.Version, err = versions{}.GetLatestVersion(ctx, c)
		if errors.Is(err, database.ErrVersionNotFound) {
			err = nil
		}
	}
	for _, source := range provider.ListSources() {
		out.Newest = max(out.Newest, source.Version)
		if source.Version > out.Version {
			out.Pending = append(out.Pending, Migration{source.Version, source.Path})
		}
	}
	return out, err
}

func (s *Store) migrate(ctx context.Context) ([]Migration, error) {
	provider, err := s.goose()
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

func (s *Store) goose() (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider("", s.db, files, goose.WithStore(versions{}), goose.WithLocker(&migrationLock{}),
		goose.WithIsolateDDL(true), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// versions is goose's table of what was applied, without what not every engine has:
// numbers that count themselves. The row of version 0 is there from the beginning,
// and serves as the lock of migrations.
type versions struct{}

// Tablename implements database.Store.
func (versions) Tablename() string { return "schema_version" }

// TableExists implements database.StoreExtender.
func (versions) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	var name string
	err := db.QueryRowContext(ctx, "SHOW TABLES LIKE 'schema_version'").Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// CreateVersionTable implements database.Store.
func (versions) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (
		version BIGINT      NOT NULL,
		applied BIGINT      NOT NULL,
		holder  BINARY(16)  NOT NULL,
		held    BIGINT      NOT NULL,
		PRIMARY KEY (version) /*T![clustered_index] CLUSTERED */
	) ENGINE=InnoDB DEFAULT CHARSET=binary`)
	return err
}

// Insert implements database.Store.
func (versions) Insert(ctx context.Context, db database.DBTxConn, r database.InsertRequest) error {
	_, err := db.ExecContext(ctx, "INSERT IGNORE INTO schema_version (version, applied, holder, held) VALUES (?, ?, ?, 0)",
		r.Version, time.Now().UnixMilli(), make([]byte, len(mark{})))
	return err
}

// Delete implements database.Store.
func (versions) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, "DELETE FROM schema_version WHERE version = ?", version)
	return err
}

// GetMigration implements database.Store.
func (versions) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	var applied int64
	err := db.QueryRowContext(ctx, "SELECT applied FROM schema_version WHERE version = ?", version).Scan(&applied)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, database.ErrVersionNotFound
	}
	if err != nil {
		return nil, err
	}
	return &database.GetMigrationResult{Timestamp: time.UnixMilli(applied), IsApplied: true}, nil
}

// GetLatestVersion implements database.Store.
func (versions) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	var latest sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT MAX(version) FROM schema_version").Scan(&latest); err != nil {
		return 0, err
	}
	if !latest.Valid {
		return 0, database.ErrVersionNotFound
	}
	return latest.Int64, nil
}

// ListMigrations implements database.Store.
func (versions) ListMigrations(ctx context.Context, db database.DBTxConn) (out []*database.ListMigrationsResult, err error) {
	r, err := db.QueryContext(ctx, "SELECT version FROM schema_version ORDER BY version DESC")
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // r.Err says what was wrong
	for r.Next() {
		m := &database.ListMigrationsResult{IsApplied: true}
		if err := r.Scan(&m.Version); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, r.Err()
}

// migrateTries is how often migrations are begun: what was done of one that failed
// is not done again.
const migrateTries = 5

// Times of the lock of migrations.
const (
	holdFor    = 30 * time.Second // after which the lock of a node that was killed is taken from it
	holdAgain  = 5 * time.Second
	lookAgain  = 50 * time.Millisecond
	unlockTime = 5 * time.Second
)

// migrationLock lets one node migrate at a time. It is a row with a holder and an
// end, taken by a statement that finds it free: locks of the server's own hold for
// one node of a Galera cluster, or one shard of Vitess, alone.
type migrationLock struct {
	holder mark
	stop   context.CancelFunc
	done   chan struct{}
}

// Lock implements lock.Locker.
func (l *migrationLock) Lock(ctx context.Context, db *sql.DB) error {
	l.holder = newMark()
	if err := (versions{}).CreateVersionTable(ctx, db); err != nil {
		return err
	}
	if err := (versions{}).Insert(ctx, db, database.InsertRequest{}); err != nil {
		return err
	}
	ticks := time.NewTicker(lookAgain)
	defer ticks.Stop()
	for {
		switch held, err := l.hold(ctx, db); {
		case err != nil && number(err) != 1213 && number(err) != 1205:
			return err
		case held:
			l.keep(db)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another node migrates the schema: %w", ctx.Err())
		case <-ticks.C:
		}
	}
}

// hold takes the lock, or holds it for longer. One that is held for longer than any right
// clock could have said is free.
func (l *migrationLock) hold(ctx context.Context, db *sql.DB) (bool, error) {
	now := time.Now()
	r, err := db.ExecContext(ctx, "UPDATE schema_version SET holder = ?, held = ? WHERE version = 0 AND (holder = ? OR held < ? OR held > ?)",
		l.holder[:], now.Add(holdFor).UnixMilli(), l.holder[:], now.UnixMilli(), now.Add(holdFor+2*MaxSkew).UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// keep holds the lock until it is given back.
func (l *migrationLock) keep(db *sql.DB) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	go func() {
		defer close(l.done)
		ticks := time.NewTicker(holdAgain)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				_, _ = l.hold(ctx, db) // the next one may succeed
			}
		}
	}()
}

// Unlock implements lock.Locker.
func (l *migrationLock) Unlock(ctx context.Context, db *sql.DB) error {
	l.stop()
	<-l.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
	defer cancel()
	_, err := db.ExecContext(ctx, "UPDATE schema_version SET held = 0 WHERE version = 0 AND holder = ?", l.holder[:])
	return err
}
