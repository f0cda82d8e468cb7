package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"mpblock/bench/check"
	"mpblock/bench/load"
	"mpblock/bench/people"
	"mpblock/bench/process"
)

// largeCaches are the sizes of the cache, in MiB, that long lists are measured with.
var largeCaches = []int{512, 4096}

// grown are figures of lists of several lengths, each told with its ratio to the same
// figure of the shortest one.
type grown struct {
	*bench
	shortest map[string]float64
}

// figureOf keeps what was measured of a list.
func (g *grown) figureOf(what string, entries int, value float64, unit string) {
	text := number(value) + " " + unit
	if least, ok := g.shortest[what]; ok {
		text += fmt.Sprintf(", %.2f times that of the shortest list", value/least)
	} else {
		g.shortest[what] = value
	}
	g.figure(what, entries, text)
}

// large measures what grows with the length of a list, and what does not: each length with
// each size of the cache.
func (b *bench) large(ctx context.Context) error {
	g := &grown{b, map[string]float64{}}
	cache := b.cache
	defer func() { b.cache = cache }()
	for _, entries := range b.entries {
		begin := time.Now()
		from, err := b.filled(ctx, entries)
		if err != nil {
			return err
		}
		if took := time.Since(begin).Seconds(); took > 0.1 { // else it was there
			g.figureOf("a store is filled with", entries, float64(entries)/took, "OpenIDs a second, merges included")
		}
		size, err := bytesOf(from)
		if err != nil {
			return err
		}
		g.figureOf("on disk", entries, float64(size)/float64(entries), "bytes an entry")
		for _, b.cache = range largeCaches {
			if err := g.served(ctx, entries); err != nil {
				return fmt.Errorf("with %d entries and a cache of %d MiB: %w", entries, b.cache, err)
			}
		}
		if b.stores == filepath.Join(b.dir, "stores") { // nobody wants it any more, and it is large
			err = os.RemoveAll(from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// served measures a server on a copy of a filled store.
func (g *grown) served(ctx context.Context, entries int) (err error) {
	l := &list{bench: g.bench, entries: entries, dir: filepath.Join(g.dir, "large-"+strconv.Itoa(entries))}
	defer func() { err = errors.Join(err, l.close(), os.RemoveAll(l.dir)) }()
	if err := l.open(ctx); err != nil {
		return err
	}
	with := fmt.Sprintf(", --cache-size %d", g.cache)
	g.figureOf("a start after a clean stop"+with, entries, l.server.Took.Seconds()*1000, "ms")
	token, err := accessToken(l.server.Addr)
	if err != nil {
		return err
	}
	t := target{name: "mpblock" + with, addr: l.server.Addr, token: token}
	g.say("first walk of %d entries%s", entries, with)
	begin := time.Now()
	if err := l.firstWalk([]target{t}); err != nil {
		return err
	}
	g.figureOf("a first walk"+with, entries, float64(l.fullPages())/time.Since(begin).Seconds(), "pages a second")
	asked := check.Asked{Listed: l.ids, Absent: people.Absent}.Target("mpblock", t.addr, token)
	request, holds := l.pageRequests(t), l.pageChecks(t, false)
	for _, one := range []struct {
		name  string
		conns int
		round func(until load.Limit) (load.Sample, error)
	}{
		{"a page", 16, func(until load.Limit) (load.Sample, error) { return load.Post(t.addr, 16, until, request, holds) }},
		{"a check", 64, func(until load.Limit) (load.Sample, error) {
			return load.Post(t.addr, 64, until, asked.Request, asked.Holds)
		}},
		{"a batch of 20", 64, func(until load.Limit) (load.Sample, error) { return batchRound(t, 64, until) }},
	} {
		g.say("%s of %d entries%s", one.name, entries, with)
		samples, err := load.InTurns(g.turns(), []load.Subject{{Name: "mpblock" + with, Round: one.round}})
		if err != nil {
			return err
		}
		g.figureOf(fmt.Sprintf("%s, %d connections%s", one.name, one.conns, with), entries, samples[0].Rate, fmt.Sprintf("a second, p99 %s ms", ms(samples[0].P99)))
	}
	hwm, err := process.Value(l.server.Cmd.Process.Pid, "status", "VmHWM")
	if err != nil {
		return err
	}
	g.figureOf("memory at most"+with, entries, float64(hwm)/1024, "MiB")
	return g.stopped(l, with)
}

// stopped kills a server that was written to, starts it again and backs its store up.
func (g *grown) stopped(l *list, with string) (err error) {
	if err := l.server.Kill(); err != nil {
		return err
	}
	data := filepath.Join(l.dir, "served")
	if l.server, err = g.startMpblock(l.dir, data); err != nil {
		return err
	}
	g.figureOf("a start after SIGKILL"+with, l.entries, l.server.Took.Seconds()*1000, "ms")
	begin := time.Now()
	if out, err := exec.Command(g.binary, "backup", "--data", data, filepath.Join(l.dir, "backup")).CombinedOutput(); err != nil { //nolint:gosec // of our own
		return fmt.Errorf("back up: %w\n%s", err, out)
	}
	g.figureOf("a backup while it serves"+with, l.entries, time.Since(begin).Seconds()*1000, "ms")
	return nil
}
