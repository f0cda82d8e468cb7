package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mpblock"
	"mpblock/bench/process"
	"mpblock/internal/lists"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

const batchSize = lists.MaxBatch

// batchLength is how long the body of a batch is.
var batchLength = len(appendBatch(nil, accountPrefix, batchSize))

// batches measures batches of 20 new OpenIDs, each durable before its answer.
func (l *list) batches(ctx context.Context) (err error) {
	if l.alone, err = pebblestore.Open(filepath.Join(l.dir, "alone"), pebblestore.Options{}); err != nil {
		return err
	}
	if err := settle(os.Getpid()); err != nil {
		return err
	}
	targets, err := l.targets(false)
	if err != nil {
		return err
	}
	disk, err := newDisk(ctx, l)
	if err != nil {
		return err
	}
	for _, conns := range []int{1, 64} {
		l.say("batches on %d entries, %d connections", l.entries, conns)
		var subjects []subject
		for _, t := range targets {
			subjects = append(subjects, subject{t.name, func(until limit) (sample, error) { return batchRound(t, conns, until) }})
		}
		bare := target{addr: l.bare.Addr, token: "x"}
		subjects = append(subjects,
			subject{bareName, func(until limit) (sample, error) {
				return post(bare.addr, conns, until, batchRequests(bare), batchCheck)
			}},
			subject{aloneName, func(until limit) (sample, error) { return storeRound(ctx, l.alone, conns, until) }})
		if conns == 1 {
			subjects = append(subjects, disk.subjects()...)
		}
		samples, err := inTurns(l.options, subjects)
		if err != nil {
			return err
		}
		l.rows(batchName, l.entries, conns, subjects, samples)
	}
	return nil
}

// batchRound measures batches on one target, and counts afterwards that the list
// has grown by exactly as many as were acknowledged.
func batchRound(t target, conns int, until limit) (sample, error) {
	before, err := total(t.addr, t.token)
	if err != nil {
		return sample{}, err
	}
	s, err := post(t.addr, conns, until, batchRequests(t), batchCheck)
	if err != nil {
		return s, err
	}
	after, err := total(t.addr, t.token)
	if err == nil && after-before != s.calls*batchSize {
		err = fmt.Errorf("%d batches of %d were acknowledged, and the list has grown by %d", s.calls, batchSize, after-before)
	}
	return s, err
}

func batchRequests(t target) requester {
	head := appendHead(nil, t.path("batchblacklist"), batchLength)
	return func(b []byte, _ uint64) []byte { return appendBatch(append(b, head...), accountPrefix, batchSize) }
}

func batchCheck(_ uint64, body []byte, _ bool) error {
	if !bytes.HasPrefix(body, []byte(`{"errcode":0,`)) {
		return fmt.Errorf("a batch was answered with %.100q", body)
	}
	return nil
}

// storeRound measures the same batches on a store in this process, in the way of
// storetest.Bench: as many goroutines, each with its own batches.
func storeRound(ctx context.Context, store mpblock.Store, writers int, until limit) (sample, error) {
	return measure(writers, until, func(int, uint64) error {
		c, err := store.Apply(ctx, testserver.DemoAppID, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: newOpenIDs(batchSize), Actor: mpblock.ActorAPI, Time: time.Now(),
		})
		if err == nil && len(c.OpenIDs) != batchSize {
			err = fmt.Errorf("%d were blocked, want %d", len(c.OpenIDs), batchSize)
		}
		return err
	})
}

// disk measures how often the machine can write and sync what a batch writes.
type disk struct {
	list   *list
	record []byte
}

// newDisk finds out how much the store writes for a batch: what this process
// writes while nothing else does.
func newDisk(ctx context.Context, l *list) (*disk, error) {
	const batches = 200
	pid := os.Getpid()
	before, err := process.Value(pid, "io", "wchar")
	if err != nil {
		return nil, err
	}
	if _, err := storeRound(ctx, l.alone, 1, limit{calls: batches}); err != nil {
		return nil, err
	}
	after, err := process.Value(pid, "io", "wchar")
	if err != nil {
		return nil, err
	}
	d := &disk{list: l, record: make([]byte, (after-before)/batches)}
	l.figure("written by the store for a batch of 20", l.entries, fmt.Sprintf("%d bytes; the machine's own rate is that of records of this size", len(d.record)))
	return d, nil
}

// Names of what bounds a batch.
const (
	bareName      = "bare handler"
	aloneName     = "the store alone"
	appendName    = "machine: append, fdatasync"
	overwriteName = "machine: overwrite, fdatasync"
)

func (d *disk) subjects() []subject {
	return []subject{
		{appendName, func(until limit) (sample, error) { return d.round(until, 0) }},
		{overwriteName, func(until limit) (sample, error) { return d.round(until, 64<<20) }},
	}
}

// round writes records behind one another to a new file, or over one that was
// written before, as a log that is used again is, and syncs each.
func (d *disk) round(until limit, written int64) (s sample, err error) {
	path := filepath.Join(d.list.dir, "disk")
	f, err := os.Create(path) //nolint:gosec // of our own
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	if _, err := f.Write(make([]byte, written)); err != nil {
		return s, err
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	var at int64
	return measure(1, until, func(_ int, n uint64) error {
		for i := range d.record {
			d.record[i] = byte(n) //nolint:gosec // any byte
		}
		if _, err := f.WriteAt(d.record, at); err != nil {
			return err
		}
		if at += int64(len(d.record)); written > 0 && at+int64(len(d.record)) > written {
			at = 0
		}
		return process.Fdatasync(f)
	})
}
