//go:build cluster

package engine

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

// Who mpblock is to the databases. They are reached from this machine alone and
// are gone after the test.
const (
	user     = "mpblock"
	password = "mpblock-test"
)

// mariaNeeds is what a MariaDB takes.
var mariaNeeds = []Need{{"mariadbd", "mariadb-server"}, {"mariadb-install-db", "mariadb-server"}, {"setpriv", "util-linux"}}

// maria is a MariaDB that stands alone.
type maria struct {
	dir     string
	port    int
	process *process
}

// startMaria starts one with a new data directory, into which mpblock and the
// tablets of Vitess are let by a password.
func startMaria(ctx context.Context, dir string) (*maria, error) {
	if err := Find(mariaNeeds...); err != nil {
		return nil, err
	}
	port, err := Port()
	if err != nil {
		return nil, err
	}
	if err := installDB(dir); err != nil {
		return nil, err
	}
	m := &maria{dir: dir, port: port}
	if err := m.start(ctx); err != nil {
		return nil, err
	}
	return m, adminExec(ctx, dir,
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", user, password),
		fmt.Sprintf("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", user))
}

// start starts it, again where it was killed, and waits until it answers.
func (m *maria) start(ctx context.Context) (err error) {
	if m.process, err = start("mariadbd", m.dir, asDatabaseUser(
		"mariadbd", "--no-defaults", "--datadir="+filepath.Join(m.dir, "data"), "--socket="+socket(m.dir), "--pid-file="+filepath.Join(m.dir, "pid"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", m.port), "--skip-name-resolve", "--max-connections=500",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-log-file-size=64M"), tmpdir(m.dir)); err != nil {
		return err
	}
	return until(ctx, 5*time.Minute, func(ctx context.Context) error { return adminExec(ctx, m.dir, "DO 1") }, m.process)
}

// socket is the Unix socket of the database in a directory: through it the
// administrator needs no password, and reaches it inside any machine.
func socket(dir string) string { return filepath.Join(dir, "sock") }

// installDB makes the data directory of a database that was never started.
func installDB(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, "tmp")} {
		if err := makeDir(d); err != nil {
			return err
		}
	}
	command := asDatabaseUser("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=64M")
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // of our own
	cmd.Env = append(os.Environ(), tmpdir(dir))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

// tmpdir gives a server a directory of its own for temporary files: one that starts
// removes what others may have left there.
func tmpdir(dir string) string { return "TMPDIR=" + filepath.Join(dir, "tmp") }

// copyDir copies a directory.
func copyDir(from, to string) error {
	if out, err := exec.Command("cp", "-r", from, to).CombinedOutput(); err != nil { //nolint:gosec // of our own
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

func adminDB(dir string) (*sql.DB, error) {
	return sql.Open("mysql", "root@unix("+socket(dir)+")/?timeout=2s&readTimeout=10s")
}

func adminExec(ctx context.Context, dir string, statements ...string) error {
	db, err := adminDB(dir)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // the answers are there
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			verb, _, _ := strings.Cut(s, " ") // without what may be a password
			return fmt.Errorf("%s on the database in %s: %w", verb, dir, err)
		}
	}
	return nil
}

// adminStrings returns the first column of what a query finds.
func adminStrings(ctx context.Context, dir, query string) (all []string, err error) {
	db, err := adminDB(dir)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // it was asked
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says what failed
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
