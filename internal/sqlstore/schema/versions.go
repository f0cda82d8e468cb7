// Package schema runs the migrations of a database in a way that every engine takes:
// the table of what was applied, and the lock that lets one node migrate at a time.
package schema

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrations returns those of some files for a database. The clocks of two nodes may
// be apart by so much from the database's.
func Migrations(db *sql.DB, files fs.FS, skew time.Duration) (*goose.Provider, error) {
	return goose.NewProvider("", db, files, goose.WithStore(versions{}), goose.WithGoMigrations(endsOf()), goose.WithLocker(&lock{skew: skew}),
		goose.WithIsolateDDL(true), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// Version returns the version of a database, 0 if it is empty.
func Version(ctx context.Context, db database.DBTxConn) (int64, error) {
	there, err := versions{}.TableExists(ctx, db)
	if err != nil || !there {
		return 0, err
	}
	v, err := versions{}.GetLatestVersion(ctx, db)
	if errors.Is(err, database.ErrVersionNotFound) {
		return 0, nil
	}
	return v, err
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
		r.Version, time.Now().UnixMilli(), make([]byte, holderLen))
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
