//go:build cluster

package ontidb

import (
	"testing"

	"mpblock"
	"mpblock/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mpblock.Store { return open(t) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) mpblock.Store { return open(b) })
}
