package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mpblock/bench/process"
)

// How long each load is profiled, and then traced.
const (
	profileTime = 5 * time.Second
	traceTime   = time.Second
)

// profile writes what the server's own profiles tell of pages and of batches to
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
	request, check := l.pageRequests(t), l.pageChecks(t, false)
	pages := func(until limit) (sample, error) { return post(t.addr, 16, until, request, check) }
	batches := func(until limit) (sample, error) { return post(t.addr, 64, until, batchRequests(t), batchCheck) }
	return errors.Join(l.profileOf("pages", ops, pages), l.profileOf("batches", ops, batches))
}

// profileOf takes all profiles of one load, and a trace by itself, since it costs most.
func (l *list) profileOf(what, ops string, load func(limit) (sample, error)) error {
	l.say("profiles of %s on %d entries", what, l.entries)
	ended := make(chan error, 1)
	go func() {
		_, err := load(limit{time: profileTime + traceTime + time.Second})
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
