//go:build !cgo

package main

// blocksOutsideHeap: see the build with C. Without it, they are in Go's heap.
const blocksOutsideHeap = false
