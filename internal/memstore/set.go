package memstore

import (
	"slices"

	"mpblock"
)

// set is OpenIDs in byte order, each once. It is never changed in place, so a
// page of it can be handed out as it is.
type set []mpblock.OpenID

func (s set) has(id mpblock.OpenID) bool {
	_, ok := slices.BinarySearchFunc(s, id, mpblock.OpenID.Compare)
	return ok
}

// page returns up to limit OpenIDs strictly after a cursor.
func (s set) page(after mpblock.OpenID, limit int) []mpblock.OpenID {
	from, found := slices.BinarySearchFunc(s, after, mpblock.OpenID.Compare)
	if found {
		from++
	}
	to := min(from+max(limit, 0), len(s))
	return s[from:to:to]
}

// add returns the set with ids in it, and those of them that were not, in order.
func (s set) add(ids []mpblock.OpenID) (next set, added []mpblock.OpenID) {
	added = sorted(ids, func(id mpblock.OpenID) bool { return !s.has(id) })
	next = make(set, 0, len(s)+len(added))
	for _, id := range added {
		var before set
		before, s = s.split(id)
		next = append(append(next, before...), id)
	}
	return append(next, s...), added
}

// remove returns the set without ids, and those of them that were in it, in order.
func (s set) remove(ids []mpblock.OpenID) (next set, removed []mpblock.OpenID) {
	removed = sorted(ids, s.has)
	next = make(set, 0, len(s)-len(removed))
	for _, id := range removed {
		var before set
		before, s = s.split(id)
		next, s = append(next, before...), s[1:]
	}
	return append(next, s...), removed
}

// split returns what comes before an OpenID, and the rest.
func (s set) split(at mpblock.OpenID) (before, rest set) {
	i, _ := slices.BinarySearchFunc(s, at, mpblock.OpenID.Compare)
	return s[:i], s[i:]
}

// sorted returns the ids that are wanted, in byte order, each once.
func sorted(ids []mpblock.OpenID, want func(mpblock.OpenID) bool) []mpblock.OpenID {
	var out []mpblock.OpenID
	for _, id := range ids {
		if want(id) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, mpblock.OpenID.Compare)
	return slices.Compact(out)
}
