package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mpblock"
)

func (t *suite) emptyAccount() {
	t.equal(t.page(mpblock.OpenID{}, 10), mpblock.Page{}, "blacklist")
	p, err := t.s.Followers(t.Context(), app, ids(1)[0], 10)
	t.must(err)
	t.equal(p, mpblock.Page{}, "followers")
	st, err := t.s.States(t.Context(), app, ids(2))
	t.must(err)
	t.equal(st, make([]mpblock.State, 2), "states")
	t.equal(t.log(), []mpblock.Change{}, "changes")
	of, err := t.s.ChangesOf(t.Context(), app, ids(1)[0], 0, 10)
	t.must(err)
	t.equal(of, []mpblock.Change{}, "changes of one")
	t.sound(app)
}

func (t *suite) followers() {
	f := ids(5)
	add := func(want int, ids ...mpblock.OpenID) {
		t.Helper()
		n, err := t.s.AddFollowers(t.Context(), app, ids)
		t.must(err)
		t.equal(n, want, "added")
	}
	remove := func(want int, ids ...mpblock.OpenID) {
		t.Helper()
		n, err := t.s.RemoveFollowers(t.Context(), app, ids)
		t.must(err)
		t.equal(n, want, "removed")
	}
	page := func(after mpblock.OpenID, limit int, want mpblock.Page) {
		t.Helper()
		p, err := t.s.Followers(t.Context(), app, after, limit)
		t.must(err)
		t.equal(p, want, "followers")
	}
	add(3, f[3], f[0], f[0], f[1], f[3])
	add(1, f[0], f[2])
	add(0)
	add(0, f[0])
	page(mpblock.OpenID{}, 2, mpblock.Page{OpenIDs: f[0:2], Total: 4})
	page(f[1], 10, mpblock.Page{OpenIDs: f[2:4], Total: 4})
	page(mpblock.OpenID{}, 0, mpblock.Page{Total: 4})
	remove(1, f[1], f[1], f[4])
	remove(0, f[1])
	remove(0)
	page(f[0], 10, mpblock.Page{OpenIDs: f[2:4], Total: 3})
	t.apply(mpblock.Block, f[0])
	page(f[3], 10, mpblock.Page{Total: 3, Seq: 1})
	t.sound(app)
}

func (t *suite) pages() {
	b := ids(10)
	t.apply(mpblock.Block, b[8], b[2], b[4], b[6])
	t.apply(mpblock.Unblock, b[4])
	rest := []mpblock.OpenID{b[2], b[6], b[8]}
	t.equal(t.page(mpblock.OpenID{}, 10), mpblock.Page{OpenIDs: rest, Total: 3, Seq: 2}, "all")
	t.equal(t.page(mpblock.OpenID{}, 3), mpblock.Page{OpenIDs: rest, Total: 3, Seq: 2}, "exactly as many as there are")
	t.equal(t.page(mpblock.OpenID{}, 2), mpblock.Page{OpenIDs: rest[:2], Total: 3, Seq: 2}, "first two")
	t.equal(t.page(b[2], 1), mpblock.Page{OpenIDs: rest[1:2], Total: 3, Seq: 2}, "strictly after an entry")
	t.equal(t.page(b[4], 9), mpblock.Page{OpenIDs: rest[1:], Total: 3, Seq: 2}, "after one that is blocked no more")
	t.equal(t.page(b[0], 9), mpblock.Page{OpenIDs: rest, Total: 3, Seq: 2}, "after one that never was")
	t.equal(t.page(b[8], 9), mpblock.Page{Total: 3, Seq: 2}, "after the last")
	t.equal(t.page(b[2], 0), mpblock.Page{Total: 3, Seq: 2}, "limit 0")
}

func (t *suite) caseSensitive() {
	lower := mpblock.OpenID([]byte("oaaaaaaaaaaaaaaaaaaaaaaaaaaA"))
	upper := mpblock.OpenID([]byte("oAaaaaaaaaaaaaaaaaaaaaaaaaaA"))
	t.follow(lower)
	t.apply(mpblock.Block, lower, upper)
	t.equal(t.page(mpblock.OpenID{}, 9).OpenIDs, []mpblock.OpenID{upper, lower}, "both, the capital first")
	t.apply(mpblock.Unblock, upper)
	st, err := t.s.States(t.Context(), app, []mpblock.OpenID{upper, lower})
	t.must(err)
	t.equal(st, []mpblock.State{{Seq: 2}, {Follower: true, Blocked: true, Seq: 1, Since: 1}}, "states")
}

func (t *suite) changes() {
	b := ids(6)
	first, err := t.s.Apply(t.Context(), app, mpblock.Batch{
		Action: mpblock.Block, OpenIDs: []mpblock.OpenID{b[3], b[1], b[3]}, Actor: "console:anna", Reason: "广告 <spam>",
		Time: start.In(time.FixedZone("", 3600)),
	})
	t.must(err)
	want := mpblock.Change{
		Seq: 1, Time: start.Truncate(time.Millisecond), Actor: "console:anna", Action: mpblock.Block,
		Reason: "广告 <spam>", OpenIDs: []mpblock.OpenID{b[1], b[3]},
	}
	t.equal(first, want, "a duplicate counts once, in byte order, time in ms")
	if first.Time.Location() != time.UTC {
		t.Errorf("time in %v, want UTC", first.Time.Location())
	}
	second := t.apply(mpblock.Block, b[0], b[1])
	t.equal(second.OpenIDs, b[:1], "what was blocked is not in the change")
	third := t.apply(mpblock.Unblock, b[3], b[4], b[0])
	t.equal(third.OpenIDs, []mpblock.OpenID{b[0], b[3]}, "what was not blocked is not in the change")
	t.equal(third.Seq, uint64(3), "seq")
	t.equal(t.log(), []mpblock.Change{want, second, third}, "log")
	st, err := t.s.States(t.Context(), app, []mpblock.OpenID{b[1], b[0], b[1]})
	t.must(err)
	t.equal(st, []mpblock.State{{Blocked: true, Seq: 1, Since: 1}, {Seq: 3}, {Blocked: true, Seq: 1, Since: 1}}, "states, in the order asked for")
	fourth := t.apply(mpblock.Block, b[3])
	st, err = t.s.States(t.Context(), app, b[3:4])
	t.must(err)
	t.equal(st[0].Seq, fourth.Seq, "blocked anew by a later change")
	t.sound(app)
}

func (t *suite) noEffect() {
	b := ids(2)
	t.equal(t.apply(mpblock.Unblock, b...), mpblock.Change{}, "unblocking who is not blocked")
	t.apply(mpblock.Block, b...)
	t.equal(t.apply(mpblock.Block, b[1], b[0]), mpblock.Change{}, "blocking who is blocked")
	t.equal(t.page(mpblock.OpenID{}, 0), mpblock.Page{Total: 2, Seq: 1}, "nothing has changed")
	t.equal(len(t.log()), 1, "changes")
}

func (t *suite) refused() {
	b := ids(3)
	t.apply(mpblock.Block, b[0])
	good := mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Actor: "test", Time: start}
	for what, spoil := range map[string]func(*mpblock.Batch){
		"action":  func(b *mpblock.Batch) { b.Action = 0 },
		"none":    func(b *mpblock.Batch) { b.OpenIDs = nil },
		"many":    func(b *mpblock.Batch) { b.OpenIDs = make([]mpblock.OpenID, mpblock.MaxWrite+1) },
		"actor":   func(b *mpblock.Batch) { b.Actor = "" },
		"reason":  func(b *mpblock.Batch) { b.Reason = strings.Repeat("r", mpblock.MaxReason+1) },
		"unknown": func(b *mpblock.Batch) { b.Known = true },
		"last":    func(b *mpblock.Batch) { b.Action, b.OpenIDs, b.Undoes, b.Last = mpblock.Unblock, b.OpenIDs[:1], 1, 2 },
	} {
		batch := good
		spoil(&batch)
		if c, err := t.s.Apply(t.Context(), app, batch); err == nil || c.Seq != 0 {
			t.Errorf("%s: accepted as %+v", what, c)
		}
	}
	if _, err := t.s.AddFollowers(t.Context(), app, make([]mpblock.OpenID, mpblock.MaxWrite+1)); err == nil {
		t.Error("too many followers at once were accepted")
	}
	t.equal(t.page(mpblock.OpenID{}, 9), mpblock.Page{OpenIDs: b[:1], Total: 1, Seq: 1}, "nothing has changed")
	t.equal(len(t.log()), 1, "changes")
	t.sound(app)
}

func (t *suite) known() {
	b := ids(6)
	t.follow(b[0], b[1])
	t.apply(mpblock.Block, b[2])
	batch := mpblock.Batch{Action: mpblock.Block, Actor: "test", Time: start, Known: true}
	index := func(want int, action mpblock.Action, ids ...mpblock.OpenID) {
		t.Helper()
		batch.Action, batch.OpenIDs = action, ids
		_, err := t.s.Apply(t.Context(), app, batch)
		var unknown *mpblock.UnknownError
		if !errors.As(err, &unknown) || unknown.Index != want {
			t.Errorf("got %v, want an UnknownError for %d", err, want)
		}
	}
	index(1, mpblock.Block, b[0], b[5], b[4]) // in the order of the batch, not of the bytes
	index(0, mpblock.Unblock, b[4], b[2])
	batch.Action, batch.OpenIDs = mpblock.Block, []mpblock.OpenID{b[2], b[1], b[0]}
	c, err := t.s.Apply(t.Context(), app, batch)
	t.must(err)
	t.equal(c.OpenIDs, b[:2], "followers, and one who is blocked and follows no more")
	_, err = t.s.RemoveFollowers(t.Context(), app, b[:1])
	t.must(err)
	batch.Action, batch.OpenIDs = mpblock.Unblock, b[:3]
	_, err = t.s.Apply(t.Context(), app, batch)
	t.must(err)
	index(0, mpblock.Unblock, b[0]) // neither, now
}

func (t *suite) time() {
	b := ids(7)
	ms := start.Truncate(time.Millisecond)
	for i, tt := range []struct {
		at, want time.Duration
		what     string
	}{
		{0, 0, "the first"},
		{time.Hour, time.Hour, "later"},
		{time.Hour - mpblock.MaxRaise, time.Hour, "a minute before the last: raised to it"},
		{time.Hour - mpblock.MaxRaise - time.Millisecond, time.Hour - mpblock.MaxRaise - time.Millisecond, "before that: its own"},
		{365 * 24 * time.Hour, 365 * 24 * time.Hour, "a clock that is a year ahead"},
		{time.Hour, time.Hour, "the next, of a right clock: its own"},
		{time.Hour - time.Second, time.Hour, "and the next is raised to that"},
	} {
		c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[i : i+1], Actor: "test", Time: start.Add(tt.at)})
		t.must(err)
		t.equal(c.Time, ms.Add(tt.want), tt.what)
	}
	t.sound(app)
}

func (t *suite) unfollowed() {
	b := ids(2)
	t.follow(b...)
	t.apply(mpblock.Block, b...)
	_, err := t.s.RemoveFollowers(t.Context(), app, b)
	t.must(err)
	t.equal(t.page(mpblock.OpenID{}, 9), mpblock.Page{OpenIDs: b, Total: 2, Seq: 1}, "blacklist")
	st, err := t.s.States(t.Context(), app, b)
	t.must(err)
	t.equal(st, []mpblock.State{{Blocked: true, Seq: 1, Since: 1}, {Blocked: true, Seq: 1, Since: 1}}, "states")
}

func (t *suite) history() {
	b := ids(3)
	var want []mpblock.Change
	for range 3 {
		for _, a := range []mpblock.Action{mpblock.Block, mpblock.Unblock} {
			c := t.apply(a, b[0], b[1])
			c.OpenIDs = b[1:2]
			want = append(want, c)
			t.apply(a, b[2])
		}
	}
	of := func(id mpblock.OpenID, after uint64, limit int) []mpblock.Change {
		t.Helper()
		c, err := t.s.ChangesOf(t.Context(), app, id, after, limit)
		t.must(err)
		return c
	}
	t.equal(of(b[1], 0, 100), want, "all, narrowed to the one")
	t.equal(of(b[1], 0, 2), want[:2], "first two")
	t.equal(of(b[1], want[1].Seq, 2), want[2:4], "next two")
	t.equal(of(b[1], want[5].Seq, 2), []mpblock.Change{}, "behind the last")
	t.equal(of(b[1], 0, 0), []mpblock.Change{}, "limit 0")
	t.equal(of(b[1], ^uint64(0), 9), []mpblock.Change{}, "behind the largest seq")
	t.sound(app)
}

// heads asks for changes without their OpenIDs.
func (t *suite) heads() {
	b := ids(4)
	for _, a := range []mpblock.Action{mpblock.Block, mpblock.Unblock, mpblock.Block} {
		_, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: a, OpenIDs: b, Actor: "console:anna", Reason: "广告", Time: start})
		t.must(err)
	}
	log := t.log()
	for i := range log {
		log[i].OpenIDs = nil
	}
	heads := func(seqs ...uint64) ([]mpblock.Change, error) { return t.s.ChangeHeads(t.Context(), app, seqs) }
	got, err := heads(3, 1, 3)
	t.must(err)
	t.equal(got, []mpblock.Change{log[2], log[0], log[2]}, "in the order asked for")
	for _, c := range got {
		if c.OpenIDs != nil {
			t.Errorf("a head with %d OpenIDs", len(c.OpenIDs))
		}
	}
	got, err = heads()
	t.must(err)
	t.equal(got, []mpblock.Change{}, "none")
	for _, wrong := range []uint64{0, 4, 1 << 62} {
		got, err := heads(2, wrong, 99)
		var none *mpblock.NoChangeError
		if !errors.As(err, &none) || none.Seq != wrong || len(got) != 0 {
			t.Errorf("a change %d that is not there: %v, %v, want a NoChangeError for the first of them", wrong, got, err)
		}
	}
	many := slices.Repeat([]uint64{1, 2, 3, 2}, mpblock.MaxHeads/4)
	got, err = heads(many...)
	t.must(err)
	t.equal(len(got), len(many), "as many as may be asked for")
	if _, err := heads(append(many, 1)...); err == nil {
		t.Error("more than MaxHeads heads at once")
	}
	_, err = t.s.ChangeHeads(t.Context(), other, []uint64{1})
	if !errors.As(err, new(*mpblock.NoChangeError)) {
		t.Errorf("another account's change: %v", err)
	}
}

// histories reads those of a range, one OpenID after the other.
func (t *suite) histories() {
	b := ids(6)
	t.apply(mpblock.Block, b[1:5]...)
	t.apply(mpblock.Unblock, b[1], b[2])
	t.apply(mpblock.Block, b[2])
	histories := func(after, last mpblock.OpenID) (got []history) {
		t.Helper()
		got, err := historiesOf(t.Context(), t.s, app, after, last)
		t.must(err)
		return got
	}
	all := []history{
		{b[1], 1, mpblock.Block, 0},
		{b[1], 2, mpblock.Unblock, 0},
		{b[2], 1, mpblock.Block, 0},
		{b[2], 2, mpblock.Unblock, 0},
		{b[2], 3, mpblock.Block, 0},
		{b[3], 1, mpblock.Block, 0},
		{b[4], 1, mpblock.Block, 0},
	}
	t.equal(histories(mpblock.OpenID{}, b[5]), all, "all")
	t.equal(histories(b[1], b[3]), all[2:6], "behind one, up to another")
	t.equal(histories(b[3], b[3]), []history{}, "an empty range")
	t.equal(histories(b[4], b[2]), []history{}, "a range that ends before it begins")
}

// history is a change of an OpenID.
type history struct {
	OpenID mpblock.OpenID
	Seq    uint64
	Action mpblock.Action
	Undoes uint64
}

func historiesOf(ctx context.Context, s mpblock.Store, app mpblock.AppID, after, last mpblock.OpenID) (all []history, err error) {
	err = s.Histories(ctx, app, after, last, func(id mpblock.OpenID, c mpblock.Change) { all = append(all, history{id, c.Seq, c.Action, c.Undoes}) })
	return all, err
}

func (t *suite) logInPieces() {
	for _, id := range ids(5) {
		t.apply(mpblock.Block, id)
	}
	all := t.log()
	piece := func(after uint64, limit int) []mpblock.Change {
		t.Helper()
		c, err := t.s.Changes(t.Context(), app, after, limit)
		t.must(err)
		return c
	}
	t.equal(piece(0, 2), all[:2], "first two")
	t.equal(piece(2, 2), all[2:4], "next two")
	t.equal(piece(4, 2), all[4:], "last")
	t.equal(piece(5, 2), []mpblock.Change{}, "behind the last")
	t.equal(piece(99, 2), []mpblock.Change{}, "far behind the last")
	t.equal(piece(^uint64(0), 2), []mpblock.Change{}, "behind the largest seq")
	t.equal(piece(0, 0), []mpblock.Change{}, "limit 0")
}

func (t *suite) accounts() {
	b := ids(4)
	t.follow(b[0])
	t.apply(mpblock.Block, b[:2]...)
	_, err := t.s.AddFollowers(t.Context(), other, b[1:])
	t.must(err)
	c, err := t.s.Apply(t.Context(), other, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[1:], Actor: "test", Time: start})
	t.must(err)
	t.equal(c.Seq, uint64(1), "seq is the account's own")
	t.apply(mpblock.Unblock, b[1])
	p, err := t.s.Blacklist(t.Context(), other, mpblock.OpenID{}, 9)
	t.must(err)
	t.equal(p, mpblock.Page{OpenIDs: b[1:], Total: 3, Seq: 1}, "the other's blacklist")
	t.equal(t.page(mpblock.OpenID{}, 9), mpblock.Page{OpenIDs: b[:1], Total: 1, Seq: 2}, "blacklist")
	t.sound(app)
	t.sound(other)
}
