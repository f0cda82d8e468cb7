package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"mpblock"
	"mpblock/bench/check"
	"mpblock/bench/feed"
	"mpblock/bench/fga"
	"mpblock/bench/load"
	"mpblock/bench/lookup"
	"mpblock/bench/people"
	"mpblock/bench/process"
	"mpblock/internal/testserver"
)

// What is measured of the native API.
const (
	checkName   = "check"
	pacedChecks = 2_000 // checks a second that come whether those before are answered or not
	consumers   = 1_000
	mapName     = "bare handler over a Go map"
)

// pacedName is the row of checks at a steady pace.
var pacedName = fmt.Sprintf("check, %d a second", pacedChecks)

// checks measures whether somebody is blocked, one OpenID a call.
func (l *list) checks(ctx context.Context) (err error) {
	targets, ends, err := l.checkTargets(ctx)
	defer func() {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
	}()
	if err != nil {
		return err
	}
	row := func(what string, conns int, round func(check.Target, load.Limit) (load.Sample, error)) error {
		l.say("%s: %d entries, %d connections", what, l.entries, conns)
		subjects, samples, err := check.InTurns(l.turns(), targets, round)
		if err == nil {
			l.rows(what, l.entries, conns, subjects, samples)
		}
		return err
	}
	for _, conns := range []int{1, 64} {
		if err := row(checkName, conns, func(t check.Target, until load.Limit) (load.Sample, error) {
			return load.Post(t.Addr, conns, until, t.Request, t.Holds)
		}); err != nil {
			return err
		}
	}
	targets = slices.DeleteFunc(targets, func(t check.Target) bool { // at a pace that a peer cannot keep it tells nothing
		r, found := l.find(checkName, l.entries, 64, t.Name)
		return found && t.Name != "mpblock" && r.Rate < pacedChecks
	})
	return row(pacedName, 64, func(t check.Target, until load.Limit) (load.Sample, error) {
		return load.Paced(t.Addr, 64, pacedChecks, until, t.Request, t.Holds)
	})
}

// checkTargets starts who is asked beside mpblock, and returns also what ends them, of an
// error too.
func (l *list) checkTargets(ctx context.Context) (targets []check.Target, ends []func() error, err error) {
	dir := filepath.Join(l.dir, "checks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	token, err := accessToken(l.server.Addr)
	if err != nil {
		return nil, nil, err
	}
	asked := check.Asked{Listed: l.ids, Absent: people.Absent}
	targets = append(targets, asked.Target("mpblock", l.server.Addr, token))
	if l.bases {
		redis, err := startRedisSet(ctx, dir, l.ids)
		if err != nil {
			return nil, ends, err
		}
		ends = append(ends, redis.end)
		l.say("filling OpenFGA with %d entries", l.entries)
		engine, err := fga.Start(ctx, dir, l.ids)
		if err != nil {
			return nil, ends, err
		}
		ends = append(ends, engine.Kill)
		targets = append(targets, asked.Target(redis.name, redis.handler.Addr, token), engine.Target(asked))
	}
	inMap, err := startSelf(dir, check.OverMap, strconv.Itoa(l.entries), "")
	if err != nil {
		return nil, ends, err
	}
	return append(targets, asked.Target(mapName, inMap.Addr, token)), append(ends, inMap.Stop), nil
}

// checkGoals holds checks to what was to be reached.
func (b *bench) checkGoals() {
	for _, what := range []string{checkName, pacedName} {
		one, found := b.find(what, b.middle(), 64, "mpblock")
		if !found {
			continue
		}
		beside := ""
		if r, found := b.find(what, b.middle(), 64, mapName); found {
			beside = fmt.Sprintf(" (%s: %s)", mapName, ms(r.P99))
		}
		b.atMost(fmt.Sprintf("%s, %d entries, 64 connections: p99%s", what, b.middle(), beside), float64(one.P99)/1e6, 1, " ms")
	}
	for _, conns := range []int{1, 64} {
		for _, program := range []string{"Redis", fga.Name} {
			if r, found := b.find(checkName, b.middle(), conns, program); found {
				b.atLeast(fmt.Sprintf("check, %d entries, %d connections: mpblock ÷ %s", b.middle(), conns, program), r.Ratio, 1)
			}
		}
	}
}

// startRedisSet starts Redis with the list as a set, and the handler over it.
func startRedisSet(ctx context.Context, dir string, ids []mpblock.OpenID) (_ *database, err error) {
	d, store, err := launchRedis(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = d.endIf(err) }()
	defer store.Close() //nolint:errcheck // the handler has its own
	if err := store.FillSet(ctx, testserver.DemoAppID, ids); err != nil {
		return nil, err
	}
	d.handler, err = startSelf(dir, check.OverRedis, store.DB.Options().Addr, "")
	return d, err
}

// fanOut measures how soon many consumers of the feed hear of a change.
func (l *list) fanOut() error {
	l.say("%d consumers of the feed", consumers)
	token, err := accessToken(l.server.Addr)
	if err != nil {
		return err
	}
	c, err := feed.Follow(l.server.Addr, token, consumers)
	if err != nil {
		return err
	}
	defer c.Close()
	caller, err := load.Dial(l.server.Addr)
	if err != nil {
		return err
	}
	defer caller.Close() //nolint:errcheck // it has been read from
	changes := changer{target: target{addr: l.server.Addr, token: token}}
	var all [3][]time.Duration
	for range 5 * l.rounds {
		ids := people.AppendBatch(nil, people.Prefix, 1)
		for _, call := range []string{"batchblacklist", "batchunblacklist"} { // so that the list stays as it was
			t, err := c.Hear(func() error { return changes.change(caller, call, ids) })
			if err != nil {
				return err
			}
			for i, one := range []time.Duration{t.First, t.Median, t.Last} {
				all[i] = append(all[i], one)
			}
		}
	}
	for i := range all {
		slices.Sort(all[i])
	}
	middle := func(i int) string { return ms(all[i][len(all[i])/2]) }
	memory, err := process.Value(l.server.Cmd.Process.Pid, "status", "VmRSS")
	l.figure(fmt.Sprintf("a change reaches %d consumers on the same node", consumers), l.entries, fmt.Sprintf(
		"the first after %s ms, half after %s ms, the last after %s ms; medians of %d changes, the slowest %s ms; resident memory %d MiB",
		middle(0), middle(1), middle(2), len(all[2]), ms(all[2][len(all[2])-1]), memory>>10))
	return err
}

// lookUps measures look-ups in a replica of the list.
func (l *list) lookUps(ctx context.Context) error {
	l.say("look-ups in a replica of %d entries", l.entries)
	f, err := lookup.Measure(ctx, l.turns(), "http://"+l.server.Addr, testserver.DemoSecret, testserver.DemoAppID, l.ids, people.Absent)
	if err != nil {
		return err
	}
	ns, size := lookup.Nanoseconds(f.Replica), float64(f.Bytes)/1e6
	l.figure("a look-up in a replica", l.entries, fmt.Sprintf("%.0f ns, %.3g allocations, %.0f MB; others took %v %% in the rounds", ns, f.Allocs, size, f.Replica.Others))
	l.figure("a look-up in a Go map", l.entries, fmt.Sprintf("%.0f ns, %.0f MB", lookup.Nanoseconds(f.Map), float64(f.MapBytes)/1e6))
	l.figure("a replica reads its list", l.entries, fmt.Sprintf("%.1f s, %.0f OpenIDs/s", f.Opened.Seconds(), float64(l.entries)/f.Opened.Seconds()))
	l.atMost(fmt.Sprintf("a look-up in a replica of %d entries", l.entries), ns, 1000, " ns")
	l.atMost(fmt.Sprintf("memory of a replica of %d entries", l.entries), size, 400, " MB")
	return nil
}
