package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what a round, or the median of rounds, has measured.
type sample struct {
	rate     float64 // calls a second
	p50, p99 time.Duration
	calls    int
	changes  float64 // changes a second that were made beside it
	ratio    float64 // of the first subject's rate to this one's, of rounds side by side
}

// spread is how far the slow ones are from the usual one.
func (s sample) spread() float64 { return float64(s.p99) / float64(s.p50) }

// limit is when a round is over: after a time, or after a number of calls.
type limit struct {
	time  time.Duration
	calls uint64 // 0: no matter how many
	every uint64 // one answer in so many is looked at as a whole; 0: wholeEvery
}

// measure has a number of callers call, each again as soon as it is answered,
// until the round is over. n counts the calls of a round from 0.
func measure(callers int, until limit, call func(caller int, n uint64) error) (sample, error) {
	var next atomic.Uint64
	var failed atomic.Pointer[error]
	took := make([][]time.Duration, callers)
	for c := range took {
		took[c] = make([]time.Duration, 0, 1<<16)
	}
	begin := time.Now()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for start := time.Now(); failed.Load() == nil && (until.calls > 0 || start.Sub(begin) < until.time); {
				n := next.Add(1) - 1
				if until.calls > 0 && n >= until.calls {
					return
				}
				if err := call(c, n); err != nil {
					failed.Store(&err)
					return
				}
				end := time.Now()
				took[c] = append(took[c], end.Sub(start))
				start = end
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	if err := failed.Load(); err != nil {
		return sample{}, *err
	}
	return summarize(slices.Concat(took...), elapsed)
}

func summarize(all []time.Duration, elapsed time.Duration) (sample, error) {
	if len(all) == 0 {
		return sample{}, errors.New("nothing was answered in a whole round")
	}
	slices.Sort(all)
	return sample{rate: float64(len(all)) / elapsed.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100], calls: len(all)}, nil
}

// requester appends the request of a call to a buffer.
type requester func(b []byte, n uint64) []byte

// checker holds an answer to what it must be: its beginning, or the whole of it.
type checker func(n uint64, body []byte, whole bool) error

// wholeEvery is of how many answers one is looked at as a whole, unless it is said
// otherwise.
const wholeEvery = 100

// post measures calls to an address.
func post(addr string, conns int, until limit, request requester, check checker) (sample, error) {
	all := make([]*conn, conns)
	for i := range all {
		c, err := dial(addr)
		if err != nil {
			return sample{}, err
		}
		defer c.Close() //nolint:errcheck // it has been read from
		all[i] = c
	}
	if until.every == 0 {
		until.every = wholeEvery
	}
	return measure(conns, until, func(caller int, n uint64) error { return all[caller].call(n, request, check, n%until.every == 0) })
}

func (c *conn) call(n uint64, request requester, check checker, whole bool) error {
	c.request = request(c.request[:0], n)
	body, err := c.exchange(c.request, whole)
	if err != nil {
		return err
	}
	return check(n, body, whole)
}

// subject is one of those that are held against each other.
type subject struct {
	name  string
	round func(until limit) (sample, error)
}

// inTurns measures subjects alternately and returns the medians of each, also of
// the ratios within a round, which the machine's moods change least. A short
// round that does not count goes before, so that none pays for being the first.
func inTurns(o options, subjects []subject) ([]sample, error) {
	for _, s := range subjects {
		if _, err := s.round(limit{time: o.round / 4}); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return eachFully(o, subjects)
}

// eachFully is inTurns without the short round, for those that end by themselves.
func eachFully(o options, subjects []subject) ([]sample, error) {
	all := make([][]sample, len(subjects))
	for range o.rounds {
		for i, s := range subjects {
			got, err := s.round(limit{time: o.round})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			all[i] = append(all[i], got)
		}
	}
	medians := make([]sample, len(subjects))
	for i := range all {
		for r := range all[i] {
			all[i][r].ratio = all[0][r].rate / all[i][r].rate
		}
		medians[i] = median(all[i])
	}
	return medians, nil
}

func median(s []sample) sample {
	pick := func(f func(sample) float64) float64 {
		v := make([]float64, len(s))
		for i := range s {
			v[i] = f(s[i])
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return sample{
		rate:    pick(func(s sample) float64 { return s.rate }),
		p50:     time.Duration(pick(func(s sample) float64 { return float64(s.p50) })),
		p99:     time.Duration(pick(func(s sample) float64 { return float64(s.p99) })),
		changes: pick(func(s sample) float64 { return s.changes }),
		ratio:   pick(func(s sample) float64 { return s.ratio }),
	}
}
