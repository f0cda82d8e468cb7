package storetest

import (
	"errors"

	"mpblock"
)

// erase erases an account with something of everything.
func (t *suite) erase() {
	b := ids(6)
	t.follow(b[:4]...)
	t.apply(mpblock.Block, b...)       // 1
	t.apply(mpblock.Unblock, b[:2]...) // 2
	t.undo(mpblock.Block, 2, b[0])     // 3: gives an entry back
	t.page(mpblock.OpenID{}, 10)       // so that whoever keeps pages has this one
	kept := mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Actor: "test", Time: start}
	_, err := t.s.Apply(t.Context(), other, kept)
	t.must(err)
	_, err = t.s.AddFollowers(t.Context(), other, b)
	t.must(err)
	t.must(t.s.Erase(t.Context(), app))

	t.emptyAccount()
	t.equal(t.states(b...), make([]mpblock.State, len(b)), "states")
	_, err = t.s.ChangeHeads(t.Context(), app, []uint64{1})
	if !errors.As(err, new(*mpblock.NoChangeError)) {
		t.Errorf("the head of an erased change: %v", err)
	}
	undone, err := t.s.Undone(t.Context(), app, []uint64{1, 2, 3})
	t.must(err)
	t.equal(undone, []uint64{0, 0, 0}, "what undoes which")
	_, err = t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:1], Actor: "test", Time: start, Known: true})
	if !errors.As(err, new(*mpblock.UnknownError)) {
		t.Errorf("a follower that was erased is known: %v", err)
	}

	c := t.apply(mpblock.Block, b[5], b[1]) // begins anew
	t.equal(c.Seq, uint64(1), "the first change")
	t.equal(t.undo(mpblock.Unblock, 1, b[1]).OpenIDs, b[1:2], "undone")
	t.equal(t.page(mpblock.OpenID{}, 10), mpblock.Page{OpenIDs: b[5:], Total: 1, Seq: 2}, "blacklist")
	of, err := t.s.ChangesOf(t.Context(), app, b[5], 0, 10)
	t.must(err)
	t.equal(len(of), 1, "changes of one")
	t.sound(app)
	p, err := t.s.Followers(t.Context(), other, mpblock.OpenID{}, 10)
	t.must(err)
	t.equal(p, mpblock.Page{OpenIDs: b, Total: 6, Seq: 1}, "followers of the other account")
	t.sound(other)
}

// eraseTwice erases what is not there: none of it is an error, and it costs nothing that
// others have.
func (t *suite) eraseTwice() {
	t.must(t.s.Erase(t.Context(), app))
	b := idsOf(mpblock.Prefix{9}, mpblock.MaxWrite)
	t.follow(b...)
	t.apply(mpblock.Block, b[:5_000]...)
	t.must(t.s.Erase(t.Context(), app))
	t.must(t.s.Erase(t.Context(), app))
	t.emptyAccount()
	t.follow(b[0])
	f, err := t.s.Followers(t.Context(), app, mpblock.OpenID{}, 10)
	t.must(err)
	t.equal(f, mpblock.Page{OpenIDs: b[:1], Total: 1}, "followers")
}
