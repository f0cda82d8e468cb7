// Package lookup measures look-ups in this process: in a replica of a list, as package
// replica keeps it, and in a Go map of the same.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"mpblock"
	"mpblock/bench/load"
	"mpblock/replica"
)

// Found is what was measured.
type Found struct {
	Opened          time.Duration // until the replica had the list
	Replica, Map    load.Sample   // calls are look-ups
	Bytes, MapBytes int64
	Allocs          float64 // a look-up
}

// asked is how many different OpenIDs are looked up, one after the other, again and again:
// so many that no cache has their places in the list.
const asked = 1 << 20

// Measure opens a replica of a server's list and looks OpenIDs up in it, half of which are
// on it, in turns with a map. Each look-up's answer is counted.
func Measure(ctx context.Context, t load.Turns, base, key string, app mpblock.AppID, list []mpblock.OpenID, absent func(n uint64) mpblock.OpenID) (f Found, err error) {
	ids := ask(list, absent)
	before := heap()
	begin := time.Now()
	r, err := replica.Open(ctx, base, key, string(app))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f.Opened = time.Since(begin)
	if r.Len() != len(list) {
		return f, fmt.Errorf("the replica has %d entries of %d", r.Len(), len(list))
	}
	f.Bytes = heap() - before
	before = heap()
	m := make(map[string]struct{}, len(list))
	for i := range list {
		m[list[i].String()] = struct{}{}
	}
	f.MapBytes = heap() - before
	f.Allocs = allocations(func() { _, err = round(load.Limit{Calls: asked}, ids, r.Blocked) })
	if err != nil {
		return f, err
	}
	samples, err := load.InTurns(t, []load.Subject{
		{Name: "replica", Round: func(until load.Limit) (load.Sample, error) { return round(until, ids, r.Blocked) }},
		{Name: "Go map", Round: func(until load.Limit) (load.Sample, error) {
			return round(until, ids, func(id string) bool {
				_, ok := m[id]
				return ok
			})
		}},
	})
	if err == nil {
		f.Replica, f.Map = samples[0], samples[1]
	}
	return f, err
}

// ask picks OpenIDs, every other of which is on the list. All lie behind one another, so that
// what is waited for is the list.
func ask(list []mpblock.OpenID, absent func(n uint64) mpblock.OpenID) []string {
	var all strings.Builder
	all.Grow(asked * mpblock.OpenIDLen)
	for n := range uint64(asked) {
		id := absent(n)
		if n%2 == 1 {
			id = list[n*0x9e3779b97f4a7c15%uint64(len(list))]
		}
		all.Write(id[:])
	}
	ids := make([]string, asked)
	for i := range ids {
		ids[i] = all.String()[i*mpblock.OpenIDLen : (i+1)*mpblock.OpenIDLen]
	}
	return ids
}

// round looks all OpenIDs up until the round is over.
func round(until load.Limit, ids []string, blocked func(string) bool) (s load.Sample, err error) {
	begin := time.Now()
	for s.Calls == 0 || until.Calls == 0 && time.Since(begin) < until.Time {
		on := 0
		for _, id := range ids {
			if blocked(id) {
				on++
			}
		}
		if s.Calls += len(ids); on != len(ids)/2 {
			return s, fmt.Errorf("%d of %d are blocked, want half", on, len(ids))
		}
	}
	s.Rate = float64(s.Calls) / time.Since(begin).Seconds()
	return s, nil
}

// Nanoseconds is how long a look-up takes.
func Nanoseconds(s load.Sample) float64 { return 1e9 / s.Rate }

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // no heap is so large
}

// allocations counts those of a look-up, while as many as are asked are done.
func allocations(do func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / asked
}
