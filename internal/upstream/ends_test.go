package upstream_test

import (
	"slices"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/upstream"
	"mpblock/mpblocktest"
)

// wind gives a scene a clock that the test moves on.
func (s *scene) wind() *wound {
	clock := &wound{now: time.Now()}
	s.gateway = upstream.New(s.store, upstream.Options{SealFile: s.seal, Clock: clock, Alone: true, Pause: time.Millisecond})
	return clock
}

func (s *scene) apply(b mpblock.Batch) mpblock.Change {
	s.Helper()
	c, err := s.gateway.Apply(s.Context(), s.account, b, false)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// due holds one to be blocked here with an end that has come, and has expiry unblock him.
func (s *scene) due(text string, now time.Time) {
	s.Helper()
	due, err := s.store.Due(s.Context(), "", mpblock.DueEnd{}, now, 10)
	if err != nil || len(due) != 1 || due[0].OpenID.String() != text {
		s.Fatalf("%v, due: %v", err, due)
	}
	s.apply(mpblock.Batch{Action: mpblock.Unblock, Actor: mpblock.ActorExpiry, OpenIDs: []mpblock.OpenID{due[0].OpenID}, Ended: true, Time: now})
	if slices.Contains(s.platform.Blocked(), text) {
		s.Error("he is blocked there for ever")
	}
	s.same()
}

// An undo gives a temporary block back, its answer is lost, and settled when the block would
// have ended: it does not last for ever.
func TestAnUndoSettledAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	clock := s.wind()
	fan := s.platform.Followers(1)[0]
	b := s.batch(mpblock.Block, "console:li.si", fan)
	b.Time, b.Until = clock.Now(), clock.Now().Add(time.Hour)
	s.apply(b)
	b = s.batch(mpblock.Unblock, "console:li.si", fan)
	b.Time = clock.Now()
	seq := s.apply(b).Seq
	s.platform.Fail(mpblocktest.Rule{Match: mpblocktest.Match{Path: "*/batchblacklist"}, Effect: mpblocktest.Effect{LostAnswer: mpblocktest.Cut}},
		listing(t, 1, nil))
	b = s.batch(mpblock.Block, "console:wang.wu", fan)
	b.Time, b.Undoes = clock.Now(), seq
	if _, err := s.gateway.Apply(t.Context(), s.account, b, false); err == nil {
		t.Fatal("the answer was not lost")
	}
	s.platform.Fail()
	clock.forward(2 * time.Hour)
	if u := s.sync(); u.Added != 0 {
		t.Errorf("%+v", u)
	}
	s.due(fan, clock.Now())
}

// Who was missing in a reading that somebody was sure of gets back reason and end when he is
// listed again, unless that is long ago.
func TestListedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	clock := s.wind()
	fans := s.platform.Followers(52)
	s.platform.Drift(fans[3:], nil)
	s.sync()
	var last mpblock.Change
	for i, end := range []time.Time{{}, clock.Now().Add(time.Hour)} {
		b := s.batch(mpblock.Block, "console:li.si", fans[i])
		b.Time, b.Until = clock.Now(), end
		last = s.apply(b)
	}
	missing := func() {
		s.platform.Fail(listing(t, 49, fans[3:]))
		if u := s.sync(); u.Held != nil {
			t.Errorf("%+v", u)
		}
		s.platform.Fail()
	}
	missing()
	if n := len(s.here()); n != 49 {
		t.Fatalf("%d are blocked here", n)
	}
	clock.forward(2 * time.Hour)
	if u := s.sync(); u.Added != 2 {
		t.Errorf("%+v", u)
	}
	s.due(fans[1], clock.Now())
	state := func() mpblock.State {
		states, err := s.store.States(t.Context(), s.account.AppID, s.batch(mpblock.Block, "x", fans[0]).OpenIDs)
		if err != nil {
			t.Fatal(err)
		}
		return states[0]
	}
	if st := state(); st.Since != last.Seq-1 {
		t.Errorf("%+v", st)
	}
	missing()
	clock.forward(72 * time.Hour)
	s.sync()
	if st := state(); !st.Blocked || st.Since != st.Seq {
		t.Errorf("days later: %+v", st)
	}
	s.same()
}

// What a batch demands of the last change holds of a list on the platform too: nothing is
// sent of who has changed since.
func TestOnlyWhoIsAsRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	fan := s.platform.Followers(1)[0]
	try := func(action mpblock.Action, last uint64, want uint64) {
		t.Helper()
		b := s.batch(action, "console:li.si", fan)
		b.Last = last
		if c := s.apply(b); c.Seq != want {
			t.Errorf("%v after change %d: %+v, want change %d", action, last, c, want)
		}
		s.same()
	}
	try(mpblock.Block, 0, 1)
	try(mpblock.Amend, 1, 2)
	try(mpblock.Amend, 1, 0)
	try(mpblock.Unblock, 1, 0)
	try(mpblock.Unblock, 2, 3)
	try(mpblock.Block, 2, 0)
	try(mpblock.Block, 3, 4)
}
