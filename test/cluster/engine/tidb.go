//go:build cluster

package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// TiDB is a tidb-server over unistore, its stand-in for the storage: it shows what
// SQL, locks and plans do, and nothing about durability.
type TiDB struct {
	port    int
	process *process
}

// StartTiDB starts the program that make test-tidb has built.
func StartTiDB(ctx context.Context, program, dir string) (*TiDB, error) {
	if err := Find(mariaNeeds[len(mariaNeeds)-1]); err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("these tests need tidb-server: make test-tidb builds it (%w)", err)
	}
	port, err := Port()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	p, err := start("tidb-server", dir, []string{
		"setpriv", "--pdeathsig", "KILL", program, "--store", "unistore", "--path", filepath.Join(dir, "data"),
		"--host", "127.0.0.1", "-P", fmt.Sprint(port), "--status=0", "--report-status=false", "--socket", filepath.Join(dir, "sock"), "--temp-dir", filepath.Join(dir, "tmp"), "-L", "warn",
	})
	if err != nil {
		return nil, err
	}
	t := &TiDB{port: port, process: p}
	if err := until(ctx, 5*time.Minute, func(ctx context.Context) error { return t.exec(ctx, "DO 1") }, p); err != nil {
		p.kill()
		return nil, err
	}
	return t, nil
}

// Database makes an empty database and returns its URL for mpblock.
func (t *TiDB) Database(ctx context.Context, name string) (url string, err error) {
	name = user + "_" + name
	return fmt.Sprintf("mysql://root@%s/%s", loopback(t.port), name), t.exec(ctx, "CREATE DATABASE "+name)
}

// Stop ends it.
func (t *TiDB) Stop() { t.process.kill() }

func (t *TiDB) exec(ctx context.Context, statement string) error {
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/?timeout=2s", loopback(t.port)))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was asked
	_, err = db.ExecContext(ctx, statement)
	return err
}
