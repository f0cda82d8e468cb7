package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/testserver"
)

// redisSettings and mariaSettings are all that differs from the defaults and
// matters: every answer waits for its fsync, and the list fits in memory.
var (
	redisSettings = []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--io-threads", "1"}
	mariaSettings = []string{
		"--skip-log-bin", "--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=O_DIRECT", "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G",
		"--innodb-doublewrite=1", "--max-connections=200", "--skip-name-resolve", "--performance-schema=OFF", "--max-allowed-packet=64M",
	}
)

// database is a running database server and the handler over it.
type database struct {
	name            string
	server, handler *process
}

// startRedis starts Redis, fills it and starts the handler over it.
func startRedis(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *database, err error) {
	program, err := need("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	command := append([]string{program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", data}, redisSettings...)
	d := &database{name: "Redis"}
	if d.server, _, err = launch(dir, "redis-server", command...); err != nil {
		return nil, err
	}
	defer func() { err = d.endIf(err) }()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	store := openRedis(addr)
	defer store.Close() //nolint:errcheck // the handler has its own
	if err := d.server.await(func() error { return store.db.Ping(ctx).Err() }); err != nil {
		return nil, err
	}
	if err := store.fill(ctx, testserver.DemoAppID, ids); err != nil {
		return nil, err
	}
	d.handler, err = startSelf(dir, "redis", addr, "")
	return d, err
}

// startMaria starts MariaDB on a new data directory, fills it and starts the
// handler over it.
func startMaria(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *database, err error) {
	program, err := need("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	installer, err := need("mariadb-install-db", "mariadb-server")
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(dir, "mariadb"), filepath.Join(dir, "maria.sock")
	install := exec.CommandContext(ctx, installer, "--no-defaults", "--user="+me.Username, "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db") //nolint:gosec // of our own
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a data directory for MariaDB: %w\n%s", err, out)
	}
	command := append([]string{
		program, "--no-defaults", "--user=" + me.Username, "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(dir, "maria.pid"), "--skip-networking",
	}, mariaSettings...)
	d := &database{name: "MariaDB"}
	if d.server, _, err = launch(dir, "mariadbd", command...); err != nil {
		return nil, err
	}
	defer func() { err = d.endIf(err) }()
	store, err := openMaria(socket, "mysql")
	if err != nil {
		return nil, err
	}
	err = d.server.await(func() error { return store.db.PingContext(ctx) })
	if err == nil {
		_, err = store.db.ExecContext(ctx, "CREATE DATABASE bench")
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	if store, err = openMaria(socket, "bench"); err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // the handler has its own
	if err := store.fill(ctx, testserver.DemoAppID, ids); err != nil {
		return nil, err
	}
	d.handler, err = startSelf(dir, "mariadb", socket, "bench")
	return d, err
}

// endIf ends the server if what was built on it failed.
func (d *database) endIf(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, d.end())
}

// end ends the handler, and kills the server, whose data is not needed any more.
func (d *database) end() error {
	var errs []error
	if d.handler != nil {
		errs = append(errs, d.handler.stop())
	}
	return errors.Join(append(errs, d.server.kill())...)
}

// peerFacts names the programs and settings that are measured beside ours.
func peerFacts() []string {
	version := func(program string, arg string) string {
		path, err := need(program, program)
		if err != nil {
			return "not installed"
		}
		out, err := exec.Command(path, arg).CombinedOutput() //nolint:gosec // constants
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(string(out))
	}
	return []string{
		"redis: " + version("redis-server", "--version") + "; " + strings.Join(redisSettings, " "),
		"mariadb: " + version("mariadbd", "--version") + "; " + strings.Join(mariaSettings, " "),
		"nginx: " + version("nginx", "-v") + "; " + nginxSettings,
	}
}
