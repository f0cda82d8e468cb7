package recent

import (
	"testing"

	"mpblock"
	"mpblock/internal/pebblestore/codec"
)

// What is forgotten is not held by what is remembered behind it.
func TestForgottenChangesAreFreed(t *testing.T) {
	var r Changes
	for seq := range uint64(4) {
		r.Add(mpblock.Change{Seq: seq + 1, Action: mpblock.Block, OpenIDs: []mpblock.OpenID{{byte(seq)}}}, []codec.Effect{{ID: mpblock.OpenID{byte(seq)}}})
	}
	all := r.All
	r.Forget(3)
	if len(r.All) != 1 || len(r.Last) != 1 || r.Since != 3 {
		t.Errorf("%d changes of %d OpenIDs are remembered behind %d", len(r.All), len(r.Last), r.Since)
	}
	for _, c := range all[:3] {
		if c.OpenIDs != nil {
			t.Errorf("change %d is held", c.Seq)
		}
	}
}
