package storetest

import (
	"math"
	"sync"

	"mpblock"
)

func (t *suite) applySince(a mpblock.Action, since uint64, ids ...mpblock.OpenID) mpblock.Change {
	t.Helper()
	c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: a, OpenIDs: ids, Actor: "test", Time: start, UnchangedSince: since})
	t.must(err)
	return c
}

func (t *suite) unchangedSince() {
	b := ids(5)
	t.apply(mpblock.Block, b[:4]...)                                    // 1
	t.apply(mpblock.Unblock, b[0], b[1])                                // 2
	t.apply(mpblock.Block, b[0])                                        // 3
	c := t.applySince(mpblock.Unblock, 1, b[4], b[3], b[2], b[1], b[0]) // 4
	t.equal(c.OpenIDs, []mpblock.OpenID{b[2], b[3]}, "those that change 1 was the last to touch")
	c = t.applySince(mpblock.Block, 2, b...) // 5
	t.equal(c.OpenIDs, []mpblock.OpenID{b[1], b[4]}, "those that change 2 was the last to touch, and one without any")
	t.equal(t.applySince(mpblock.Unblock, 1, b[0], b[2]), mpblock.Change{}, "all of them have changed since")
	t.equal(t.page(mpblock.OpenID{}, 9).OpenIDs, []mpblock.OpenID{b[0], b[1], b[4]}, "blacklist")
	c = t.applySince(mpblock.Unblock, math.MaxUint64, b[0])
	t.equal(c.OpenIDs, []mpblock.OpenID{b[0]}, "nothing is later than the last number there is")
	t.equal(len(t.log()), 6, "changes")
	t.sound(app)
}

// undoRace has an undo and a new change of the same OpenID meet: whichever comes
// first, the new change stands.
func (t *suite) undoRace() {
	b := ids(1)
	for range 50 {
		blocked := t.apply(mpblock.Block, b...)
		var wg sync.WaitGroup
		wg.Go(func() { t.applySince(mpblock.Unblock, blocked.Seq, b...) })
		wg.Go(func() {
			t.apply(mpblock.Unblock, b...)
			t.apply(mpblock.Block, b...)
		})
		wg.Wait()
		st, err := t.s.States(t.Context(), app, b)
		t.must(err)
		if !st[0].Blocked {
			t.Fatal("the undo of a change has taken back what came after it")
		}
		t.apply(mpblock.Unblock, b...)
	}
	t.sound(app)
}
