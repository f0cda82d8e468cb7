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

	"mpblock"
	"mpblock/bench/peer"
	"mpblock/bench/process"
	"mpblock/internal/testserver"
)

// database is a running database server and the handler over it.
type database struct {
	name            string
	server, handler *process.Process
}

// startRedis starts Redis, fills it and starts the handler over it.
func startRedis(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *database, err error) {
	d, store, err := launchRedis(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = d.endIf(err) }()
	defer store.Close() //nolint:errcheck // the handler has its own
	if err := store.Fill(ctx, testserver.DemoAppID, ids); err != nil {
		return nil, err
	}
	d.handler, err = startSelf(dir, "redis", store.DB.Options().Addr, "")
	return d, err
}

// launchRedis starts Redis with nothing in it.
func launchRedis(ctx context.Context, dir string) (_ *database, _ *peer.Redis, err error) {
	program, err := process.Need("redis-server", "redis-server")
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, err
	}
	port, err := process.FreePort(ctx)
	if err != nil {
		return nil, nil, err
	}
	command := append([]string{program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", data}, peer.RedisSettings...)
	d := &database{name: "Redis"}
	if d.server, _, err = process.Launch(dir, "redis-server", command...); err != nil {
		return nil, nil, err
	}
	store := peer.OpenRedis(fmt.Sprintf("127.0.0.1:%d", port))
	return d, store, d.endIf(d.server.Await(func() error { return store.DB.Ping(ctx).Err() }))
}

// startMaria starts MariaDB on a new data directory, fills it and starts the
// handler over it.
func startMaria(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *database, err error) {
	program, err := process.Need("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	installer, err := process.Need("mariadb-install-db", "mariadb-server")
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
	}, peer.MariaSettings...)
	d := &database{name: "MariaDB"}
	if d.server, _, err = process.Launch(dir, "mariadbd", command...); err != nil {
		return nil, err
	}
	defer func() { err = d.endIf(err) }()
	store, err := peer.OpenMaria(socket, "mysql")
	if err != nil {
		return nil, err
	}
	err = d.server.Await(func() error { return store.DB.PingContext(ctx) })
	if err == nil {
		_, err = store.DB.ExecContext(ctx, "CREATE DATABASE bench")
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	if store, err = peer.OpenMaria(socket, "bench"); err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // the handler has its own
	if err := store.Fill(ctx, testserver.DemoAppID, ids); err != nil {
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
		errs = append(errs, d.handler.Stop())
	}
	return errors.Join(append(errs, d.server.Kill())...)
}
