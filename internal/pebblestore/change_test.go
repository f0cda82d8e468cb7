package pebblestore

import (
	"slices"
	"testing"
	"time"

	"mpblock"
)

func BenchmarkChange(b *testing.B) {
	c := mpblock.Change{Seq: 1, Action: mpblock.Block, Actor: "api", Time: time.Unix(1e9, 0)}
	var effects []effect
	for i := range 20 {
		effects = append(effects, effect{id: mint(i)})
	}
	slices.SortFunc(effects, func(a, b effect) int { return a.id.Compare(b.id) })
	v := encodeChange(c, effects)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			v = encodeChange(c, effects)
		}
		b.ReportMetric(float64(len(v)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decodeChange(1, v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("previous", func(b *testing.B) {
		for b.Loop() {
			if _, err := previousOf(1, v, effects[15].id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
