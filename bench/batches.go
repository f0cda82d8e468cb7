package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mpblock"
	"mpblock/bench/disk"
	"mpblock/bench/load"
	"mpblock/bench/people"
	"mpblock/bench/process"
	"mpblock/internal/lists"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

const batchSize = lists.MaxBatch

// batchLength is how long the body of a batch is.
var batchLength = len(people.AppendBatch(nil, people.Prefix, batchSize))

// batches measures batches of 20 new OpenIDs, each durable before its answer.
func (l *list) batches(ctx context.Context) (err error) {
	if l.alone, err = pebblestore.Open(filepath.Join(l.dir, "alone"), pebblestore.Options{}); err != nil {
		return err
	}
	if err := process.Settle(os.Getpid()); err != nil {
		return err
	}
	targets, err := l.targets(false)
	if err != nil {
		return err
	}
	machine, err := l.newDisk(ctx)
	if err != nil {
		return err
	}
	for _, conns := range []int{1, 64} {
		l.say("batches on %d entries, %d connections", l.entries, conns)
		var subjects []load.Subject
		for _, t := range targets {
			subjects = append(subjects, load.Subject{Name: t.name, Round: func(until load.Limit) (load.Sample, error) { return batchRound(t, conns, until) }})
		}
		bare := target{addr: l.bare.Addr, token: "x"}
		subjects = append(subjects,
			load.Subject{Name: bareName, Round: func(until load.Limit) (load.Sample, error) {
				return load.Post(bare.addr, conns, until, batchRequests(bare), batchCheck)
			}},
			load.Subject{Name: aloneName, Round: func(until load.Limit) (load.Sample, error) { return storeRound(ctx, l.alone, conns, until) }})
		if conns == 1 {
			subjects = append(subjects, machine.Subjects()...)
		}
		samples, err := load.InTurns(l.turns(), subjects)
		if err != nil {
			return err
		}
		l.rows(batchName, l.entries, conns, subjects, samples)
	}
	return nil
}

// batchRound measures batches on one target, and counts afterwards that the list
// has grown by exactly as many as were acknowledged.
func batchRound(t target, conns int, until load.Limit) (load.Sample, error) {
	before, err := total(t.addr, t.token)
	if err != nil {
		return load.Sample{}, err
	}
	s, err := load.Post(t.addr, conns, until, batchRequests(t), batchCheck)
	if err != nil {
		return s, err
	}
	after, err := total(t.addr, t.token)
	if err == nil && after-before != s.Calls*batchSize {
		err = fmt.Errorf("%d batches of %d were acknowledged, and the list has grown by %d", s.Calls, batchSize, after-before)
	}
	return s, err
}

func batchRequests(t target) load.Requester {
	head := load.AppendHead(nil, t.path("batchblacklist"), batchLength)
	return func(b []byte, _ uint64) []byte {
		return people.AppendBatch(append(b, head...), people.Prefix, batchSize)
	}
}

func batchCheck(_ uint64, body []byte, _ bool) error {
	if !bytes.HasPrefix(body, []byte(`{"errcode":0,`)) {
		return fmt.Errorf("a batch was answered with %.100q", body)
	}
	return nil
}

// storeRound measures the same batches on a store in this process, in the way of
// storetest.Bench: as many goroutines, each with its own batches.
func storeRound(ctx context.Context, store mpblock.Store, writers int, until load.Limit) (load.Sample, error) {
	return load.Measure(writers, until, func(int, uint64) error {
		c, err := store.Apply(ctx, testserver.DemoAppID, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: people.New(batchSize), Actor: mpblock.ActorAPI, Time: time.Now(),
		})
		if err == nil && len(c.OpenIDs) != batchSize {
			err = fmt.Errorf("%d were blocked, want %d", len(c.OpenIDs), batchSize)
		}
		return err
	})
}

// newDisk finds out how much the store writes for a batch: what this process
// writes while nothing else does.
func (l *list) newDisk(ctx context.Context) (*disk.Disk, error) {
	const batches = 200
	pid := os.Getpid()
	before, err := process.Value(pid, "io", "wchar")
	if err != nil {
		return nil, err
	}
	if _, err := storeRound(ctx, l.alone, 1, load.Limit{Calls: batches}); err != nil {
		return nil, err
	}
	after, err := process.Value(pid, "io", "wchar")
	if err != nil {
		return nil, err
	}
	d := &disk.Disk{File: filepath.Join(l.dir, "disk"), Record: make([]byte, (after-before)/batches)}
	l.figure("written by the store for a batch of 20", l.entries, fmt.Sprintf("%d bytes; the machine's own rate is that of records of this size", len(d.Record)))
	return d, nil
}

// Names of what bounds a batch.
const (
	bareName  = "bare handler"
	aloneName = "the store alone"
)
