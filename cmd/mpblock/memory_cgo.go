//go:build cgo

package main

// blocksOutsideHeap tells that Pebble keeps blocks and what it has not written to
// tables outside of Go's heap, which it does where there is C.
const blocksOutsideHeap = true
