package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mpblock/bench/check"
	"mpblock/bench/load"
	"mpblock/bench/people"
	"mpblock/bench/process"
)

// How long each load is profiled, and then traced.
const (
	profileTime = 5 * time.Second
	traceTime   = time.Second
)

// profile writes what the server's own profiles tell of pages, checks and batches to
// files, for go tool pprof and go tool trace. It is no measurement: taking them costs
// the server some of its rate.
func (l *list) profile(ctx context.Context, from string) (err error) {
	data := filepath.Join(l.dir, "profiled")
	if err := copyStore(ctx, from, data); err != nil {
		return err
	}
	port, err := process.FreePort(ctx)
	if err != nil {
		return err
	}
	ops := fmt.Sprint("127.0.0.1:", port)
	server, err := l.startMpblock(l.dir, data, "--ops-listen", ops)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	token, err := accessToken(server.Addr)
	if err != nil {
		return err
	}
	t := target{name: "mpblock", addr: server.Addr, token: token}
	if err := l.firstWalk([]target{t}); err != nil {
		return err
	}
	request, holds := l.pageRequests(t), l.pageChecks(t, false)
	pages := func(until load.Limit) (load.Sample, error) { return load.Post(t.addr, 16, until, request, holds) }
	batches := func(until load.Limit) (load.Sample, error) {
		return load.Post(t.addr, 64, until, batchRequests(t), batchCheck)
	}
	asked := check.Asked{Listed: l.ids, Absent: people.Absent}.Target("mpblock", t.addr, token)
	checks := func(until load.Limit) (load.Sample, error) {
		return load.Post(t.addr, 64, until, asked.Request, asked.Holds)
	}
	return errors.Join(l.profileOf("pages", ops, pages), l.profileOf("checks", ops, checks), l.profileOf("batches", ops, batches))
}

// profileOf takes all profiles of one load, and a trace by itself, since it costs most.
func (l *list) profileOf(what, ops string, calls func(load.Limit) (load.Sample, error)) error {
	l.say("profiles of %s on %d entries", what, l.entries)
	ended := make(chan error, 1)
	go func() {
		_, err := calls(load.Limit{Time: profileTime + traceTime + time.Second})
		ended <- err
	}()
	take := func(kind string, during time.Duration) error {
		file := filepath.Join(l.into, fmt.Sprintf("%s-%d.%s", what, l.entries, strings.Replace(kind, "profile", "cpu", 1)))
		return process.Download(fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%.0f", ops, kind, during.Seconds()), file)
	}
	kinds := []string{"profile", "allocs", "block", "mutex"}
	taken := make(chan error, len(kinds))
	for _, kind := range kinds {
		go func() { taken <- take(kind, profileTime) }()
	}
	var errs []error
	for range kinds {
		errs = append(errs, <-taken)
	}
	errs = append(errs, take("trace", traceTime))
	return errors.Join(append(errs, <-ended)...)
}
