package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"mpblock"
)

// keyed is a store of which nothing is read but by its key.
type keyed struct{ mpblock.Store }

func (keyed) List(_ context.Context, kind, _ string, _ int) ([]mpblock.Record, error) {
	return nil, errors.New("all records of " + kind + " are asked for")
}

// How far a job is, and what it has refused, is read by keys alone: over several shards
// nothing is asked of all of them.
func TestJobIsReadByKeys(t *testing.T) {
	c := newJobCase(t)
	id := c.start().ID
	if errs := runQueue(c.svc, t.Context()); len(errs) > 0 {
		t.Fatal(errs)
	}
	svc := node(t, keyed{c.svc.store}, c.a)
	if j, err := svc.Job(t.Context(), c.app, id); err != nil || j.Progress.Refused != 1 {
		t.Errorf("%+v, %v", j, err)
	}
	var got []string
	for line, err := range svc.Refused(t.Context(), c.app, id) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(line.Line, " ", line.Why))
	}
	if want := c.refused(id); len(got) != 3 || !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
