package pebblestore

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mpblock"
)

// Each start leaves a table of what the run before has written, all over each other. A
// store that was opened many times for little takes writes as any other.
func TestManyShortRuns(t *testing.T) {
	fs := vfs.NewMem()
	for n := range 2 * mergeBehind {
		s, err := Open("data", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(-n-1))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open("data", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]mpblock.OpenID, mpblock.MaxWrite)
	for i := range ids {
		ids[i] = mint(i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, action := range []mpblock.Action{mpblock.Block, mpblock.Unblock} { // more than the first memory table takes
		if _, err := s.Apply(ctx, app, batchOf(action, ids...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
