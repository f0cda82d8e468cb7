package storetest

import (
	"sync"

	"mpblock"
)

func (t *suite) undo(a mpblock.Action, seq uint64, ids ...mpblock.OpenID) mpblock.Change {
	t.Helper()
	c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: a, OpenIDs: ids, Actor: "test", Time: start, Undoes: seq})
	t.must(err)
	return c
}

func (t *suite) states(ids ...mpblock.OpenID) []mpblock.State {
	t.Helper()
	st, err := t.s.States(t.Context(), app, ids)
	t.must(err)
	return st
}

func (t *suite) undoLeavesAlone() {
	b := ids(5)
	t.apply(mpblock.Block, b[:4]...)                              // 1
	t.apply(mpblock.Unblock, b[0], b[1])                          // 2
	t.apply(mpblock.Block, b[0])                                  // 3
	c := t.undo(mpblock.Unblock, 1, b[4], b[3], b[2], b[1], b[0]) // 4
	t.equal(c.OpenIDs, []mpblock.OpenID{b[2], b[3]}, "those that change 1 was the last to touch")
	t.equal(c.Undoes, uint64(1), "what the change undoes")
	c = t.undo(mpblock.Block, 2, b...) // 5
	t.equal(c.OpenIDs, []mpblock.OpenID{b[1]}, "the one that change 2 was the last to touch")
	t.equal(t.undo(mpblock.Unblock, 1, b[0], b[2]), mpblock.Change{}, "all of them have changed since")
	t.equal(t.page(mpblock.OpenID{}, 9).OpenIDs, []mpblock.OpenID{b[0], b[1]}, "blacklist")
	t.equal(t.undo(mpblock.Unblock, 99, b...), mpblock.Change{}, "a change that is not there")
	t.equal(len(t.log()), 5, "changes")
	by, err := t.s.Undone(t.Context(), app, []uint64{1, 2, 3, 4, 5, 99, 0, 1})
	t.must(err)
	t.equal(by, []uint64{4, 5, 0, 0, 0, 0, 0, 4}, "which change undoes which")
	if _, err := t.s.Undone(t.Context(), app, make([]uint64, mpblock.MaxHeads+1)); err == nil {
		t.Error("more than MaxHeads at once")
	}
	t.sound(app)
}

// undoGivesBack has entries go and come back: each belongs to the change that it
// belonged to, however often.
func (t *suite) undoGivesBack() {
	b := ids(3)
	t.apply(mpblock.Block, b[0])        // 1
	t.apply(mpblock.Block, b[1:]...)    // 2
	t.apply(mpblock.Unblock, b...)      // 3
	c := t.undo(mpblock.Block, 3, b...) // 4
	t.equal(c.OpenIDs, b, "given back")
	given := func(seq uint64) []mpblock.State {
		return []mpblock.State{{Blocked: true, Seq: seq, Since: 1}, {Blocked: true, Seq: seq, Since: 2}, {Blocked: true, Seq: seq, Since: 2}}
	}
	t.equal(t.states(b...), given(4), "they belong to what they belonged to")
	t.sound(app)
	t.undo(mpblock.Unblock, 4, b...) // 5
	t.equal(t.states(b...), []mpblock.State{{Seq: 5}, {Seq: 5}, {Seq: 5}}, "taken back")
	t.undo(mpblock.Block, 5, b...) // 6
	t.equal(t.states(b...), given(6), "and given back again")
	t.apply(mpblock.Unblock, b[1]) // 7
	t.apply(mpblock.Block, b[1])   // 8
	t.equal(t.states(b[1]), []mpblock.State{{Blocked: true, Seq: 8, Since: 8}}, "blocked anew")
	t.undo(mpblock.Unblock, 8, b[1]) // 9
	t.undo(mpblock.Block, 9, b[1])   // 10
	t.equal(t.states(b[1]), []mpblock.State{{Blocked: true, Seq: 10, Since: 8}}, "that is taken back and given back")
	heads, err := t.s.ChangeHeads(t.Context(), app, []uint64{4, 3})
	t.must(err)
	t.equal([]uint64{heads[0].Undoes, heads[1].Undoes}, []uint64{3, 0}, "heads say what is undone")
	of, err := t.s.ChangesOf(t.Context(), app, b[1], 8, 9)
	t.must(err)
	t.equal([]uint64{of[0].Undoes, of[1].Undoes}, []uint64{8, 9}, "so do changes of one")
	t.sound(app)
}

// undoTogether has blocks, unblocks and undos of the same OpenIDs meet in a store that
// writes several batches at once.
func (t *suite) undoTogether() {
	b := ids(40)
	t.apply(mpblock.Block, b...)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			some := b[w*4 : w*4+8]
			for range 20 {
				c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: some, Actor: "test", Time: start})
				for n := 0; err == nil && c.Seq != 0 && n < 3; n++ {
					c, err = t.s.Apply(t.Context(), app, mpblock.Batch{
						Action: 3 - c.Action, OpenIDs: c.OpenIDs, Actor: "test", Time: start, Undoes: c.Seq,
					})
				}
				if err != nil {
					t.Error(err)
				}
				_, err = t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: some[:2], Actor: "test", Time: start})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.sound(app)
}

// undoRace has an undo and a new change of the same OpenID meet: whichever comes
// first, the new change stands.
func (t *suite) undoRace() {
	b := ids(1)
	for range 50 {
		blocked := t.apply(mpblock.Block, b...)
		var wg sync.WaitGroup
		wg.Go(func() { t.undo(mpblock.Unblock, blocked.Seq, b...) })
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
