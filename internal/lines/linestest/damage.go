package linestest

import (
	"math/rand/v2"
	"slices"
)

// Damage returns a copy of a file in which so many bytes were changed, lost or added,
// often where lines and cells end.
func Damage(random *rand.Rand, b []byte, times int) []byte {
	b = slices.Clone(b)
	const some = "\x00\n\r\t \"',;#=[]{}?o_-9Zz\x80\xe4\xff"
	for range times {
		at := random.IntN(len(b))
		c := byte(random.Uint32()) //nolint:gosec // any of its bytes will do
		if random.IntN(2) == 0 {
			c = some[random.IntN(len(some))]
		}
		switch random.IntN(4) {
		case 0, 1:
			b[at] = c
		case 2:
			b = slices.Delete(b, at, at+1)
		case 3:
			b = slices.Insert(b, at, c)
		}
	}
	return b
}
