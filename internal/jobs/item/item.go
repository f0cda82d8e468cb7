// Package item writes and reads the list of a job as a record has it.
package item

import (
	"encoding/binary"
	"errors"
	"slices"

	"mpblock"
)

// Item is an OpenID of a list and the line it stood in.
type Item struct {
	ID   mpblock.OpenID
	Line uint32
}

const itemLen = mpblock.OpenIDLen + 4

// Encode writes some of a list.
func Encode(items []Item) []byte {
	b := make([]byte, 0, len(items)*itemLen)
	for _, it := range items {
		b = append(b, it.ID[:]...)
		b = binary.BigEndian.AppendUint32(b, it.Line)
	}
	return b
}

var errDamaged = errors.New("jobs: the record of a list is damaged")

// Decode reads what Encode has written.
func Decode(b []byte) ([]Item, error) {
	if len(b)%itemLen != 0 {
		return nil, errDamaged
	}
	items := make([]Item, 0, len(b)/itemLen)
	for ; len(b) > 0; b = b[itemLen:] {
		it := Item{Line: binary.BigEndian.Uint32(b[mpblock.OpenIDLen:])}
		copy(it.ID[:], b)
		items = append(items, it)
	}
	return items, nil
}

// IDs returns the OpenIDs of some of a list.
func IDs(items []Item) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	return ids
}

// Among tells whether an OpenID is in the chunks of a list from one on, each of which is in
// byte order and behind the one before it. It reads one for each time their number halves.
func Among(id mpblock.OpenID, from, chunks int, read func(n int) ([]Item, error)) (bool, error) {
	for from < chunks {
		n := from + (chunks-from)/2
		items, err := read(n)
		if err != nil || len(items) == 0 {
			return false, err
		}
		_, is := slices.BinarySearchFunc(items, id, func(it Item, id mpblock.OpenID) int { return it.ID.Compare(id) })
		switch {
		case is:
			return true, nil
		case id.Compare(items[0].ID) < 0:
			chunks = n
		default:
			from = n + 1
		}
	}
	return false, nil
}
