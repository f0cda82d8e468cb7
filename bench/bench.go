package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"mpblock"
	"mpblock/bench/process"
	"mpblock/internal/access"
	"mpblock/internal/pebblestore"
	"mpblock/internal/storetest"
	"mpblock/internal/testserver"
)

// bench is a whole run and what it has found.
type bench struct {
	options
	dir    string
	binary string
	began  time.Time
	report
}

const pageSize = 10_000

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0fs %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// measure runs the parts that were asked for.
func (b *bench) measure(ctx context.Context) error {
	for _, entries := range b.entries {
		if b.partsOf(entries) {
			if err := b.measureList(ctx, entries); err != nil {
				return fmt.Errorf("with %d entries: %w", entries, err)
			}
		}
	}
	if b.does("large") {
		if err := b.large(ctx); err != nil {
			return err
		}
	}
	if b.does("import") {
		if err := b.importing(ctx); err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	if b.does("size") {
		if err := b.accounts(ctx); err != nil {
			return fmt.Errorf("many accounts: %w", err)
		}
	}
	return nil
}

// partsOf tells whether anything is measured on a list of so many entries.
func (b *bench) partsOf(entries int) bool {
	return b.does("pages") || b.does("batches") || b.does("profiles") ||
		entries == b.middle() && (b.does("check") || b.does("feed")) ||
		entries == b.largest() && (b.does("replica") || b.does("start"))
}

// measureList measures all that is measured on one list.
func (b *bench) measureList(ctx context.Context, entries int) (err error) {
	l := &list{bench: b, entries: entries, dir: filepath.Join(b.dir, strconv.Itoa(entries))}
	defer func() { err = errors.Join(err, l.close(), os.RemoveAll(l.dir)) }()
	if err := l.open(ctx); err != nil {
		return err
	}
	if b.does("pages") || b.does("batches") {
		if err := l.startPeers(ctx); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		wanted bool
		run    func() error
	}{
		{b.does("pages"), l.pages},
		{b.does("check") && entries == b.middle(), func() error { return l.checks(ctx) }},
		{b.does("feed") && entries == b.middle(), l.fanOut},
		{b.does("replica") && entries == b.largest(), func() error { return l.lookUps(ctx) }},
		{b.does("batches"), func() error { return l.batches(ctx) }},
		{b.does("profiles"), func() error { return l.profile(ctx, filepath.Join(b.stores, strconv.Itoa(entries))) }},
		{b.does("start") && entries == b.largest(), func() error { return l.start(ctx) }},
	} {
		if !part.wanted {
			continue
		}
		if err := part.run(); err != nil {
			return err
		}
	}
	return nil
}

var cacheDefault = regexp.MustCompile(`(?s)--cache-size=.*?Default:\s+(\d+)`)

// cacheSize finds out what the server takes if it is not told.
func (b *bench) cacheSize() error {
	if b.cache > 0 {
		return nil
	}
	help, err := exec.Command(b.binary, "serve", "--help").Output() //nolint:gosec // of our own
	if err != nil {
		return err
	}
	m := cacheDefault.FindSubmatch(help)
	if m == nil {
		return errors.New("mpblock serve --help does not say what --cache-size is by default")
	}
	b.cache, err = strconv.Atoi(string(m[1]))
	return err
}

// startMpblock starts the server on a data directory.
func (b *bench) startMpblock(dir, data string, flags ...string) (*process.Process, error) {
	return b.startBuild("mpblock", b.binary, dir, data, flags...)
}

// startBuild starts a build of mpblock, whose files bear a name.
func (b *bench) startBuild(name, binary, dir, data string, flags ...string) (*process.Process, error) {
	command := []string{binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--cache-size", strconv.Itoa(b.cache)}
	return process.Serve(dir, name, append(command, flags...)...)
}

// filled returns the directory of a store with a list of n entries, which is made
// once. Nothing may change it: what is measured is a copy.
func (b *bench) filled(ctx context.Context, n int) (string, error) {
	dir := filepath.Join(b.stores, strconv.Itoa(n))
	if _, err := os.Stat(dir); err == nil {
		b.say("a store of %d entries is there", n)
		return dir, nil
	}
	if err := os.MkdirAll(b.stores, 0o700); err != nil {
		return "", err
	}
	making := dir + ".making"
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	begin := time.Now()
	if err := withAccount(ctx, making); err != nil {
		return "", err
	}
	store, err := pebblestore.Open(making, pebblestore.Options{})
	if err != nil {
		return "", err
	}
	err = storetest.Fill(ctx, store, testserver.DemoAppID, n)
	took := time.Since(begin)
	if err == nil {
		err = process.Settle(os.Getpid())
	}
	if err := errors.Join(err, store.Close()); err != nil {
		return "", err
	}
	b.say("filled a store with %d entries in %.1f s, settled after %.1f s", n, took.Seconds(), time.Since(begin).Seconds())
	b.figure(fmt.Sprintf("store filled with batches of %d", mpblock.MaxWrite), n, fmt.Sprintf("%.1f s, %.0f OpenIDs/s", took.Seconds(), float64(n)/took.Seconds()))
	return dir, os.Rename(making, dir)
}

// withAccount makes a store with the account whose list is measured.
func withAccount(ctx context.Context, dir string) error {
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		return err
	}
	accounts, err := access.Open(ctx, store)
	if err == nil {
		err = addAccount(ctx, accounts)
	}
	return errors.Join(err, store.Close())
}

// copyStore copies a filled store as a backup does: tables are linked.
func copyStore(ctx context.Context, from, to string) error {
	store, err := pebblestore.Open(from, pebblestore.Options{})
	if err != nil {
		return err
	}
	return errors.Join(store.Backup(ctx, to), store.Close())
}

// total asks a server for the length of its list.
func total(addr, token string) (int, error) {
	s := testserver.Server{Base: "http://" + addr}
	a, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":""}`)
	if err == nil && a.Errcode != 0 {
		err = fmt.Errorf("errcode %d %s", a.Errcode, a.Errmsg)
	}
	return a.Total, err
}

// accessToken gets a token of the account whose list is measured.
func accessToken(addr string) (string, error) {
	res, err := http.Get("http://" + addr + "/cgi-bin/token?grant_type=client_credential&appid=" + testserver.DemoAppID + "&secret=" + testserver.DemoSecret)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	var t struct {
		AccessToken string `json:"access_token"`
		Errmsg      string
	}
	if err := json.NewDecoder(res.Body).Decode(&t); err != nil {
		return "", err
	}
	if t.AccessToken == "" {
		return "", fmt.Errorf("no access token but %q", t.Errmsg)
	}
	return t.AccessToken, nil
}
