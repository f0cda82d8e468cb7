package upstream_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"mpblock"
	"mpblock/mpblocktest"
)

// sent returns how many changes the platform was asked for.
func (s *scene) sent() (n int) {
	for _, call := range s.platform.Journal() {
		if strings.Contains(call.Path, "batch") {
			n++
		}
	}
	return n
}

// A batch with an ID that comes again is answered as the first time, and nothing is sent:
// whatever happened since, after a lost answer, and by another process.
func TestRequestsAreSentOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	fans := s.platform.Followers(25)
	named := func(key, content string, ids ...string) mpblock.Batch {
		b := s.batch(mpblock.Block, "api", ids...)
		b.ID = mpblock.NewRequestID(key, []byte(content))
		return b
	}
	again := func(b mpblock.Batch, want mpblock.Change, calls int) {
		t.Helper()
		before := s.sent()
		if c := s.apply(b); !reflect.DeepEqual(c, want) || s.sent()-before != calls {
			t.Errorf("%+v by %d calls, want %+v by %d", c, s.sent()-before, want, calls)
		}
		s.same()
	}
	first := named("first", "", fans[:2]...)
	made := s.apply(first)
	s.apply(s.batch(mpblock.Unblock, "console:li.si", fans[0]))
	again(first, made, 0)
	if _, err := s.gateway.Apply(t.Context(), s.account, named("first", "another", fans[1]), true); !errors.Is(err, mpblock.ErrReused) {
		t.Errorf("for something else: %v", err)
	}
	nothing := named("nothing", "", fans[1])
	again(nothing, mpblock.Change{}, 1) // he is blocked
	s.apply(s.batch(mpblock.Unblock, "console:li.si", fans[1]))
	again(nothing, mpblock.Change{}, 0)

	// The answer is lost, and the list cannot be read.
	lost := named("lost", "", fans[2:4]...)
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}}, listing(t, 1, nil))
	if _, err := s.gateway.Apply(t.Context(), s.account, lost, true); err == nil {
		t.Fatal("the answer was not lost")
	}
	s.platform.Fail()
	s.sync() // settles it
	s.restart()
	before := s.sent()
	if c := s.apply(lost); len(c.OpenIDs) != 2 || c.Actor != "api" || s.sent() != before {
		t.Errorf("%+v by %d calls", c, s.sent()-before)
	}
	s.same()

	// It never arrives: some of them are blocked by then, and yet it was not done.
	s.platform.Drift(fans[4:5], nil)
	away := named("away", "", fans[4:6]...)
	s.platform.Fail(neverArrives)
	if _, err := s.gateway.Apply(t.Context(), s.account, away, true); err == nil {
		t.Fatal("it has arrived")
	}
	s.platform.Fail()
	before = s.sent()
	c := s.apply(away)
	if s.sent() != before+1 {
		t.Errorf("%+v by %d calls, want 1", c, s.sent()-before)
	}
	s.same()
	again(away, c, 0)
	if _, err := s.gateway.Apply(t.Context(), s.account, named("many", "", fans...), false); err == nil {
		t.Error("one that takes several calls is done")
	}
}
