package main

import (
	"os"
	"runtime/debug"
)

// heapReserve is the memory of Go's heap beside the lists, in bytes: requests under
// way, what was changed last, and what waits to be collected. With less of it Go
// would have to collect all the time once the lists fill their room.
const heapReserve = 56 << 20

// limitMemory has Go collect before its heap grows past what --cache-size is for:
// left alone it lets the heap grow to twice what is in use. embedded is what the
// embedded store uses. GOMEMLIMIT, where it is
// set, is what counts.
func limitMemory(lists, embedded int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := lists + heapReserve
	if !blocksOutsideHeap {
		limit += embedded
	}
	debug.SetMemoryLimit(limit)
}
