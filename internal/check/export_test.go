package check

import "mpblock"

// InPasses is Account with few OpenIDs in memory at a time.
var InPasses = account

// Bounds cuts OpenIDs, met in pieces, into ranges.
func Bounds(pieces [][]mpblock.OpenID, parts int) []mpblock.OpenID {
	var s sample
	for _, ids := range pieces {
		s.add(ids)
	}
	return s.bounds(parts)
}
