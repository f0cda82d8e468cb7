package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mpblock/bench/load"
	"mpblock/internal/pebblestore"
)

// importRounds bounds the rounds of an import, each of which lasts as long as it
// takes.
const importRounds = 3

// importing measures an import through the API into an empty list: 20 a call,
// each durable before its answer, and what bounds it: a bare handler that takes the
// same bodies, and the store alone.
func (b *bench) importing(ctx context.Context) (err error) {
	const conns = 64
	n := b.imports
	calls := load.Limit{Calls: uint64(n / batchSize)} //nolint:gosec // not negative
	b.say("import of %d OpenIDs, %d connections", n, conns)
	dir := filepath.Join(b.dir, "import")
	empty := filepath.Join(dir, "empty")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := withAccount(ctx, empty); err != nil {
		return err
	}
	bare, err := startSelf(dir, "bare", "/dev/null", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	round := 0
	subjects := []load.Subject{
		{Name: "mpblock", Round: func(load.Limit) (s load.Sample, err error) {
			round++
			return b.importServed(ctx, dir, empty, round, conns, calls)
		}},
		{Name: bareName, Round: func(load.Limit) (load.Sample, error) {
			t := target{addr: bare.Addr, token: "x"}
			return load.Post(t.addr, conns, calls, batchRequests(t), batchCheck)
		}},
		{Name: aloneName, Round: func(load.Limit) (load.Sample, error) {
			round++
			return b.importAlone(ctx, dir, empty, round, conns, calls)
		}},
	}
	o := b.options
	o.rounds = min(o.rounds, importRounds)
	samples, err := load.EachFully(o.turns(), subjects)
	if err != nil {
		return err
	}
	b.rows(importName, n, conns, subjects, samples)
	rate := func(i int) float64 { return samples[i].Rate * batchSize }
	bound := 1 / (1/rate(1) + 1/rate(2))
	b.figure("import through the API, OpenIDs a second", n, fmt.Sprintf("%.0f; the bare handler takes %.0f, the store alone %.0f; one after the other on these cores they make %.0f", rate(0), rate(1), rate(2), bound))
	b.atLeast("import, OpenIDs/s", rate(0), 150_000)
	b.atLeast("import: mpblock ÷ the bound of bare handler and store together", rate(0)/bound, 0.9)
	return nil
}

// importServed imports into a copy of an empty store over the API.
func (b *bench) importServed(ctx context.Context, dir, empty string, round, conns int, calls load.Limit) (s load.Sample, err error) {
	data := filepath.Join(dir, fmt.Sprint("served", round))
	if err := copyStore(ctx, empty, data); err != nil {
		return s, err
	}
	server, err := b.startMpblock(dir, data)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Stop(), os.RemoveAll(data)) }()
	token, err := accessToken(server.Addr)
	if err != nil {
		return s, err
	}
	return batchRound(target{addr: server.Addr, token: token}, conns, calls)
}

// importAlone makes the same batches on a copy of an empty store in this process.
func (b *bench) importAlone(ctx context.Context, dir, empty string, round, conns int, calls load.Limit) (s load.Sample, err error) {
	data := filepath.Join(dir, fmt.Sprint("alone", round))
	if err := copyStore(ctx, empty, data); err != nil {
		return s, err
	}
	store, err := pebblestore.Open(data, pebblestore.Options{})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close(), os.RemoveAll(data)) }()
	return storeRound(ctx, store, conns, calls)
}
