// Package people makes OpenIDs: those that a filled list has, and as many as are wanted of
// people whom nobody has blocked yet.
package people

import (
	"encoding/base64"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"mpblock"
	"mpblock/internal/storetest"
)

// Prefix is that of the account whose list is measured.
var Prefix = storetest.Numbered(0).Prefix()

// Sorted returns the OpenIDs of a filled list as its pages have them.
func Sorted(n int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, n)
	workers := runtime.NumCPU()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				ids[i] = storetest.Numbered(uint64(i)) //nolint:gosec // not negative
			}
		})
	}
	wg.Wait()
	slices.SortFunc(ids, mpblock.OpenID.Compare)
	return ids
}

var fresh atomic.Uint64

// numbered makes an OpenID: numbers become others, one to one, that are scattered as those
// of users are. It costs the load less than storetest.Numbered, whose OpenIDs are others.
func numbered(head mpblock.Prefix, n uint64) mpblock.OpenID {
	var raw [20]byte
	copy(raw[:4], head[:])
	binary.BigEndian.PutUint64(raw[4:], scatter(n))
	binary.BigEndian.PutUint64(raw[12:], scatter(^n))
	id := mpblock.OpenID{'o'}
	base64.RawURLEncoding.Encode(id[1:], raw[:])
	return id
}

// scatter is the finalizer of SplitMix64, a bijection.
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// New returns OpenIDs that nobody has blocked yet.
func New(size int) []mpblock.OpenID {
	first := fresh.Add(uint64(size)) //nolint:gosec // not negative
	ids := make([]mpblock.OpenID, size)
	for i := range ids {
		ids[i] = numbered(Prefix, first+uint64(i))
	}
	return ids
}

// Absent is somebody who is on no list that is filled, and whom no batch blocks.
func Absent(n uint64) mpblock.OpenID { return numbered(Prefix, 1<<40+n) }

// AppendBatch appends the body of a batch of OpenIDs that nobody has blocked yet.
func AppendBatch(b []byte, prefix mpblock.Prefix, size int) []byte {
	first := fresh.Add(uint64(size)) //nolint:gosec // not negative
	b = append(b, `{"openid_list":[`...)
	for i := range size {
		id := numbered(prefix, first+uint64(i))
		b = append(b, '"')
		b = append(b, id[:]...)
		b = append(b, `",`...)
	}
	return append(b[:len(b)-1], `]}`...)
}
