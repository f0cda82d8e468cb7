package load

import (
	"runtime"
	"time"

	"mpblock/bench/process"
)

// arrival is a call that has come.
type arrival struct {
	n    uint64
	came time.Time
}

// Paced measures calls that come so many a second, whether those before them are answered
// or not, as those of a service's users do. Each is taken by a connection that is free, and
// measured from when it came, so that one which waits for a free connection is no faster
// for it. What the machine is late to wake the pace itself is not counted: it is no
// server's.
func Paced(addr string, conns, rate int, until Limit, request Requester, check Checker) (Sample, error) {
	return over(addr, conns, until, request, check, func(call func(int, uint64) error) (Sample, error) {
		for caller := range conns { // a connection's first call is not what its user waits for
			if err := call(caller, 0); err != nil {
				return Sample{}, err
			}
		}
		calls := make(chan arrival, int(float64(rate)*until.Time.Seconds())+1)
		// The pace sleeps in the kernel with one of Go's processors: the callers have others.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2 * runtime.NumCPU()))
		begin := time.Now()
		go arrive(calls, begin, until.Time, rate)
		return gather(conns, begin, func(int) (uint64, time.Time, bool) {
			one, more := <-calls
			return one.n, one.came, more
		}, call)
	})
}

// arrive has calls come for as long as a round lasts.
func arrive(calls chan<- arrival, begin time.Time, during time.Duration, rate int) {
	defer close(calls)
	for n := 0; ; n++ {
		due := time.Duration(n) * time.Second / time.Duration(rate)
		if due >= during {
			return
		}
		if left := due - time.Since(begin); left > 0 {
			process.Sleep(left)
		}
		calls <- arrival{uint64(n), time.Now()}
		runtime.Gosched() // who takes the call goes on at once, and not when this sleeps
	}
}
