package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"mpblock/internal/server"
)

// Waits that are told in profiles: those of a millisecond or more and a sample of
// shorter ones, and one in so many waits for a lock.
const (
	blockRate     = time.Millisecond
	mutexFraction = 100
)

// prepareRuntime sets what the whole process shares, for a server to come.
func (c *serveCmd) prepareRuntime(config server.Config) {
	widen()
	limitMemory(config.Memory())
	if c.OpsListen != "" {
		runtime.SetBlockProfileRate(int(blockRate.Nanoseconds()))
		runtime.SetMutexProfileFraction(mutexFraction)
	}
}

// widen has Go run twice as many goroutines at a time as there are cores. One that
// comes back from the disk or the network waits for a place, and where a merge of
// tables has one and a collection of garbage the other, Go takes up to 10 ms to make
// room; the kernel, which then has to choose, is faster. GOMAXPROCS, where it is set,
// is what counts.
func widen() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
}

// heapReserve is the memory of Go's heap beside the lists, in bytes: requests under
// way, what was changed last, and what waits to be collected. With less of it Go
// would have to collect all the time once the lists fill their room.
const heapReserve = 56 << 20

// limitMemory has Go collect before its heap grows past what --cache-size is for:
// left alone it lets the heap grow to twice what is in use. filters and embedded are what
// the embedded store uses. GOMEMLIMIT, where it is set, is what counts.
func limitMemory(lists, filters, embedded int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := lists + filters + heapReserve
	if !blocksOutsideHeap {
		limit += embedded
	}
	debug.SetMemoryLimit(limit)
}
