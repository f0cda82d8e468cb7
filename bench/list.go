package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"mpblock"
	"mpblock/bench/people"
	"mpblock/bench/process"
	"mpblock/internal/pebblestore"
)

// list is one blacklist of a certain length, on the server and on all that it is
// held against.
type list struct {
	*bench
	entries int
	dir     string
	ids     []mpblock.OpenID // what is on it, in order

	server     *process.Process
	other      *process.Process   // another build of mpblock on a copy of its own; nil: none is asked for
	alone      *pebblestore.Store // the same without a server
	bare, wide *process.Process   // the bare handler as it is, and with the processors that mpblock takes
	nginx      *process.Process
	databases  []*database
}

// open fills what mpblock has to serve, and starts it.
func (l *list) open(ctx context.Context) error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	from, err := l.filled(ctx, l.entries)
	if err != nil {
		return err
	}
	if l.against != "" { // first, since what is opened by this build has its layout
		data := filepath.Join(l.dir, "other")
		if err := os.CopyFS(data, os.DirFS(from)); err != nil {
			return err
		}
		if l.other, err = l.startBuild("other", l.against, l.dir, data); err != nil {
			return err
		}
	}
	for _, name := range []string{"served", "alone"} {
		if err := copyStore(ctx, from, filepath.Join(l.dir, name)); err != nil {
			return err
		}
	}
	l.ids = people.Sorted(l.entries)
	if l.server, err = l.startMpblock(l.dir, filepath.Join(l.dir, "served")); err != nil {
		return err
	}
	return process.Settle(l.server.Cmd.Process.Pid)
}

// startPeers starts all that the list is held against.
func (l *list) startPeers(ctx context.Context) (err error) {
	page := appendPage(nil, l.ids[:pageSize], l.entries)
	file := filepath.Join(l.dir, "page.json")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		return err
	}
	if l.bare, err = startSelf(l.dir, "bare", file, ""); err != nil {
		return err
	}
	if l.wide, err = startSelf(l.dir, "bare", file, "", fmt.Sprint("GOMAXPROCS=", 2*runtime.GOMAXPROCS(0))); err != nil {
		return err
	}
	if l.nginx, err = startNginx(ctx, l.dir, page); err != nil {
		return err
	}
	if !l.bases || l.entries > filledUpTo {
		return nil
	}
	l.say("filling Redis and MariaDB with %d entries", l.entries)
	for _, start := range []func(context.Context, string, []mpblock.OpenID) (*database, error){startRedis, startMaria} {
		d, err := start(ctx, l.dir, l.ids)
		if err != nil {
			return err
		}
		l.databases = append(l.databases, d)
	}
	return nil
}

// close ends all that was started.
func (l *list) close() error {
	var errs []error
	for _, p := range []*process.Process{l.server, l.other, l.bare, l.wide, l.nginx} {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	for _, d := range l.databases {
		errs = append(errs, d.end())
	}
	if l.alone != nil {
		errs = append(errs, l.alone.Close())
	}
	return errors.Join(errs...)
}

// target is a program that answers the API.
type target struct {
	name, addr, token string
	fixed             bool // answers every page with the first
	atRest            bool // is not measured while the list changes
}

// targets returns who serves the list, mpblock first.
func (l *list) targets(withPages bool) ([]target, error) {
	all := []target{{name: "mpblock", addr: l.server.Addr}}
	if l.other != nil {
		all = append(all, target{name: "mpblock, the other build", addr: l.other.Addr})
	}
	if withPages {
		all = append(all, target{name: bareName, addr: l.bare.Addr, token: "x", fixed: true},
			target{name: "bare handler, GOMAXPROCS doubled", addr: l.wide.Addr, token: "x", fixed: true, atRest: true},
			target{name: "nginx", addr: l.nginx.Addr, token: "x", fixed: true, atRest: true})
	}
	for _, d := range l.databases {
		all = append(all, target{name: d.name, addr: d.handler.Addr})
	}
	for i := range all {
		if all[i].token != "" {
			continue
		}
		token, err := accessToken(all[i].addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].name, err)
		}
		all[i].token = token
	}
	return all, nil
}

func (t target) path(call string) string {
	return "/cgi-bin/tags/members/" + call + "?access_token=" + t.token
}
