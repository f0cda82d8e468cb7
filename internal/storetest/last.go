package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"mpblock"
)

func (t *suite) last() {
	b := ids(4)
	only := func(a mpblock.Action, seq uint64, ids ...mpblock.OpenID) mpblock.Batch {
		return mpblock.Batch{Action: a, OpenIDs: ids, Last: seq, Reason: "as read"}
	}
	t.apply(mpblock.Block, b[:3]...)             // 1
	t.apply(mpblock.Amend, b[1])                 // 2
	t.apply(mpblock.Unblock, b[2])               // 3
	c := t.do(app, only(mpblock.Amend, 1, b...)) // 4
	t.equal(c.OpenIDs, b[:1], "whom change 1 was the last to name")
	t.equal(c.Undoes, uint64(0), "what the change undoes")
	t.equal(t.do(app, only(mpblock.Unblock, 1, b...)), mpblock.Change{}, "all of them have changed since")
	t.equal(t.do(app, only(mpblock.Block, 2, b...)), mpblock.Change{}, "who is blocked")
	t.equal(t.do(app, only(mpblock.Block, 99, b...)), mpblock.Change{}, "a change that is not there")
	t.equal(t.do(app, only(mpblock.Block, 3, b...)).OpenIDs, b[2:3], "who was unblocked") // 5
	t.equal(t.do(app, only(mpblock.Unblock, 2, b...)).OpenIDs, b[1:2], "who was amended") // 6
	c = t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Undoes: 6, Last: 6})   // 7
	t.equal(c.OpenIDs, b[1:2], "what an undo gives back that says so twice")
	again := only(mpblock.Unblock, 7, b...)
	again.ID = mpblock.NewRequestID("once", nil)
	c = t.do(app, again) // 8
	t.equal(t.do(app, again), c, "the answer when asked again")
	t.equal(len(t.log()), 8, "changes")
	t.sound(app)
}

// lastRace has writers change an entry at the same moment that all of them have read.
func (t *suite) lastRace() {
	b := ids(1)
	t.apply(mpblock.Block, b[0])
	const writers = 8
	for seq := uint64(1); seq <= 5; seq++ {
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range writers {
			wg.Go(func() {
				batch := mpblock.Batch{Action: mpblock.Amend, OpenIDs: b, Actor: "test", Reason: fmt.Sprint(i), Time: start, Last: seq}
				switch c, err := t.s.Apply(t.Context(), app, batch); {
				case err != nil:
					t.Error(err)
				case c.Seq != 0:
					won.Add(1)
				}
			})
		}
		wg.Wait()
		t.equal(won.Load(), int64(1), "writers who changed it")
	}
	t.equal(len(t.log()), 6, "changes")
	t.sound(app)
}
