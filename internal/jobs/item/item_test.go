package item

import (
	"errors"
	"testing"

	"mpblock"
)

// An OpenID is found wherever it is in a list, from a chunk on, in few reads.
func TestAmong(t *testing.T) {
	const size, chunks = 3, 100
	id := func(n int) (id mpblock.OpenID) { id[0], id[1] = byte(n>>8), byte(n); return id }
	reads := 0
	read := func(n int) ([]Item, error) {
		reads++
		var items []Item
		for i := range size {
			items = append(items, Item{ID: id(2 * (n*size + i))})
		}
		return items, nil
	}
	for n := range 2*size*chunks + 2 {
		for _, from := range []int{0, 37, chunks} {
			reads = 0
			is, err := Among(id(n), from, chunks, read)
			if want := n%2 == 0 && n/2/size >= from && n < 2*size*chunks; is != want || err != nil || reads > 7 {
				t.Errorf("%d from the chunk %d on: %t, %v in %d reads, want %t", n, from, is, err, reads, want)
			}
		}
	}
	gone := errors.New("gone")
	if _, err := Among(id(1), 0, 1, func(int) ([]Item, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("%v, want %v", err, gone)
	}
}
