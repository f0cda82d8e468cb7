// Package load calls servers from many connections, and holds what they do against each
// other, in turns.
package load

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Sample is what a round, or the median of rounds, has measured.
type Sample struct {
	Rate     float64 // calls a second
	P50, P99 time.Duration
	Calls    int
	Changes  float64  // changes a second that were made beside it
	Ratio    float64  // of the first subject's rate to this one's, of rounds side by side
	Others   []Others // of each round
}

// Spread is how far the slow ones are from the usual one.
func (s Sample) Spread() float64 { return float64(s.P99) / float64(s.P50) }

// Limit is when a round is over: after a time, or after a number of calls.
type Limit struct {
	Time  time.Duration
	Calls uint64 // 0: no matter how many
	Every uint64 // one answer in so many is looked at as a whole; 0: wholeEvery
}

// Measure has a number of callers call, each again as soon as it is answered,
// until the round is over. n counts the calls of a round from 0.
func Measure(callers int, until Limit, call func(caller int, n uint64) error) (Sample, error) {
	var next atomic.Uint64
	begin := time.Now()
	return gather(callers, begin, func(int) (n uint64, from time.Time, more bool) {
		from = time.Now()
		n = next.Add(1) - 1
		if until.Calls > 0 {
			return n, from, n < until.Calls
		}
		return n, from, from.Sub(begin) < until.Time
	}, call)
}

// gather has callers make calls for as long as next gives them some, and measures each
// from the time that next says.
func gather(callers int, begin time.Time, next func(caller int) (n uint64, from time.Time, more bool), call func(caller int, n uint64) error) (Sample, error) {
	var failed atomic.Pointer[error]
	took := make([][]time.Duration, callers)
	for c := range took {
		took[c] = make([]time.Duration, 0, 1<<16)
	}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for failed.Load() == nil {
				n, from, more := next(c)
				if !more {
					return
				}
				if err := call(c, n); err != nil {
					failed.Store(&err)
					return
				}
				took[c] = append(took[c], time.Since(from))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	if err := failed.Load(); err != nil {
		return Sample{}, *err
	}
	return summarize(slices.Concat(took...), elapsed)
}

func summarize(all []time.Duration, elapsed time.Duration) (Sample, error) {
	if len(all) == 0 {
		return Sample{}, errors.New("nothing was answered in a whole round")
	}
	slices.Sort(all)
	return Sample{Rate: float64(len(all)) / elapsed.Seconds(), P50: all[len(all)/2], P99: all[len(all)*99/100], Calls: len(all)}, nil
}

// Requester appends the request of a call to a buffer.
type Requester func(b []byte, n uint64) []byte

// Checker holds an answer to what it must be: its beginning, or the whole of it.
type Checker func(n uint64, body []byte, whole bool) error

// wholeEvery is of how many answers one is looked at as a whole, unless it is said
// otherwise.
const wholeEvery = 100

// Post measures calls to an address, each connection again as soon as it is answered.
func Post(addr string, conns int, until Limit, request Requester, check Checker) (Sample, error) {
	return over(addr, conns, until, request, check, func(call func(int, uint64) error) (Sample, error) {
		return Measure(conns, until, call)
	})
}

// over has connections to an address for as long as measured lasts.
func over(addr string, conns int, until Limit, request Requester, check Checker, measured func(call func(int, uint64) error) (Sample, error)) (Sample, error) {
	all := make([]*Conn, conns)
	for i := range all {
		c, err := Dial(addr)
		if err != nil {
			return Sample{}, err
		}
		defer c.Close() //nolint:errcheck // it has been read from
		all[i] = c
	}
	every := until.Every
	if every == 0 {
		every = wholeEvery
	}
	return measured(func(caller int, n uint64) error { return all[caller].call(n, request, check, n%every == 0) })
}

func (c *Conn) call(n uint64, request Requester, check Checker, whole bool) error {
	c.Request = request(c.Request[:0], n)
	body, err := c.Exchange(c.Request, whole)
	if err != nil {
		return err
	}
	return check(n, body, whole)
}
