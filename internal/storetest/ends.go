package storetest

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"mpblock"
)

// end is a time after the start, as stores keep it.
func end(after time.Duration) time.Time { return start.Add(after).Truncate(time.Millisecond) }

// never is after all ends.
var never = start.AddDate(100, 0, 0)

func (t *suite) do(app mpblock.AppID, b mpblock.Batch) mpblock.Change {
	t.Helper()
	if b.Actor == "" {
		b.Actor = "test"
	}
	if b.Time.IsZero() {
		b.Time = start
	}
	c, err := t.s.Apply(t.Context(), app, b)
	t.must(err)
	return c
}

func (t *suite) due(app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) []mpblock.DueEnd {
	t.Helper()
	due, err := t.s.Due(t.Context(), app, after, until, limit)
	t.must(err)
	return due
}

// endsOf walks the ends of an account by pages, which may have others' between them.
func endsOf(ctx context.Context, s mpblock.Store, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) (ends []mpblock.DueEnd, err error) {
	for {
		page, err := s.Due(ctx, app, after, until, limit)
		if err != nil || len(page) > limit {
			return nil, cmp.Or(err, fmt.Errorf("a page of %d ends, when up to %d were asked for", len(page), limit))
		}
		for _, d := range page {
			if d.Compare(after) <= 0 {
				return nil, fmt.Errorf("%+v is not behind %+v", d, after)
			}
			if after = d; d.AppID == app {
				ends = append(ends, d)
			}
		}
		if len(page) < limit {
			return ends, nil
		}
	}
}

func dueOf(app mpblock.AppID, until time.Time, ids ...mpblock.OpenID) (due []mpblock.DueEnd) {
	for _, id := range ids {
		due = append(due, mpblock.DueEnd{Until: until, AppID: app, OpenID: id})
	}
	return due
}

// wantDue compares all ends, and holds the account to its log.
func (t *suite) wantDue(want ...[]mpblock.DueEnd) {
	t.Helper()
	var all []mpblock.DueEnd
	for _, some := range want {
		all = append(all, some...)
	}
	t.equal(t.due("", mpblock.DueEnd{}, never, 99_999), all, "the ends")
	t.sound(app)
}

func (t *suite) ends() {
	b := ids(4)
	t.apply(mpblock.Block, b[0]) // 1
	hour, day := end(time.Hour), end(24*time.Hour)
	c := t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:3], Until: start.Add(time.Hour)}) // 2: not who is blocked
	t.equal(c.OpenIDs, b[1:3], "those that are blocked")
	t.equal(c.Until, hour, "the end of the change, in whole milliseconds")
	t.equal(t.log()[1], c, "the change in the log")
	heads, err := t.s.ChangeHeads(t.Context(), app, []uint64{2, 1})
	t.must(err)
	t.equal([]time.Time{heads[0].Until, heads[1].Until}, []time.Time{hour, {}}, "the ends of heads")
	of, err := t.s.ChangesOf(t.Context(), app, b[1], 0, 9)
	t.must(err)
	t.equal(of[0].Until, hour, "the end in the history of one")
	t.equal(t.states(b...), []mpblock.State{
		{Blocked: true, Seq: 1, Since: 1}, {Blocked: true, Seq: 2, Since: 2, Until: hour}, {Blocked: true, Seq: 2, Since: 2, Until: hour}, {},
	}, "the states")
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[2:], Until: day}) // 3
	t.wantDue(dueOf(app, hour, b[1:3]...), dueOf(app, day, b[3]))
	t.apply(mpblock.Unblock, b[2]) // 4
	t.equal(t.states(b[2]), []mpblock.State{{Seq: 4}}, "the state of who was unblocked")
	t.wantDue(dueOf(app, hour, b[1]), dueOf(app, day, b[3]))
	t.apply(mpblock.Block, b[2]) // 5: for ever
	t.wantDue(dueOf(app, hour, b[1]), dueOf(app, day, b[3]))
}

func (t *suite) dueOfAll() {
	b := ids(5)
	hour, day := end(time.Hour), end(24*time.Hour)
	t.do(other, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:2], Until: hour})
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:1], Until: day})
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[1:3], Until: hour})
	t.do(other, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[2:4]})
	var all []mpblock.DueEnd
	for _, some := range [][]mpblock.DueEnd{dueOf(app, hour, b[1:3]...), dueOf(other, hour, b[:2]...), dueOf(app, day, b[0])} {
		all = append(all, some...)
	}
	t.wantDue(all)
	t.sound(other)
	for i := range all {
		t.equal(t.due("", all[i], never, 2), all[i+1:min(i+3, len(all))], "a page behind an end")
	}
	t.equal(t.due("", mpblock.DueEnd{}, hour, 99), all[:4], "the ends up to a time")
	t.equal(t.due("", mpblock.DueEnd{}, hour.Add(-time.Millisecond), 99), []mpblock.DueEnd(nil), "the ends before a time")
	t.equal(t.due("", mpblock.DueEnd{Until: hour, AppID: app, OpenID: b[0]}, never, 1), all[:1], "behind an end that is not there")
	t.equal(t.due("", mpblock.DueEnd{Until: hour.Add(time.Millisecond)}, never, 9), all[4:], "behind a time")
	t.equal(t.due("", mpblock.DueEnd{}, never, 0), []mpblock.DueEnd(nil), "a limit of 0")
}

func (t *suite) amend() {
	b := ids(4)
	hour, day := end(time.Hour), end(24*time.Hour)
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:2], Until: hour, Reason: "spam"})                        // 1
	t.apply(mpblock.Block, b[2])                                                                                        // 2
	c := t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: []mpblock.OpenID{b[3], b[2], b[1], b[1]}, Until: day}) // 3
	t.equal(c.OpenIDs, b[1:3], "those that are amended")
	t.equal(t.page(mpblock.OpenID{}, 9), mpblock.Page{OpenIDs: b[:3], Total: 3, Seq: 3}, "the blacklist")
	t.equal(t.states(b...), []mpblock.State{
		{Blocked: true, Seq: 1, Since: 1, Until: hour}, {Blocked: true, Seq: 3, Since: 3, Until: day}, {Blocked: true, Seq: 3, Since: 3, Until: day}, {},
	}, "the states")
	t.wantDue(dueOf(app, hour, b[0]), dueOf(app, day, b[1:3]...))
	t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b[:2]}) // 4: for ever
	t.wantDue(dueOf(app, day, b[2]))
	t.equal(t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b[3:]}), mpblock.Change{}, "an amend of who is not blocked")
	t.equal(t.undo(mpblock.Unblock, 1, b...), mpblock.Change{}, "an undo of what was amended since")
	t.equal(t.undo(mpblock.Unblock, 3, b...).OpenIDs, b[2:3], "an unblock of what an amend was the last to name") // 5
	t.equal(t.undo(mpblock.Block, 5, b...).OpenIDs, b[2:3], "and its undo")                                       // 6
	t.equal(t.states(b[2]), []mpblock.State{{Blocked: true, Seq: 6, Since: 3, Until: day}}, "which gives back the amended entry")
	_, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b[1:], Actor: "test", Time: start, Known: true})
	t.equal(err, error(&mpblock.UnknownError{Index: 2}), "one that nobody knows")
	t.wantDue(dueOf(app, day, b[2]))
}

func (t *suite) amendUndone() {
	b := ids(3)
	hour, day := end(time.Hour), end(24*time.Hour)
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:2], Until: hour})                    // 1
	t.apply(mpblock.Unblock, b[1])                                                                  // 2
	t.undo(mpblock.Block, 2, b[1])                                                                  // 3: as of 1
	t.apply(mpblock.Block, b[2])                                                                    // 4
	t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b, Until: day})                         // 5
	t.equal(t.undo(mpblock.Amend, 4, b...), mpblock.Change{}, "an undo of a block by an amend")     //
	t.equal(t.undo(mpblock.Amend, 5, b...).OpenIDs, b, "those that the amend was the last to name") // 6
	t.equal(t.undo(mpblock.Amend, 5, b...), mpblock.Change{}, "which it is no more")                //
	before := []mpblock.State{{Blocked: true, Seq: 6, Since: 1, Until: hour}, {Blocked: true, Seq: 6, Since: 1, Until: hour}, {Blocked: true, Seq: 6, Since: 4}}
	t.equal(t.states(b...), before, "the entries as they were")
	t.wantDue(dueOf(app, hour, b[:2]...))
	t.equal(t.undo(mpblock.Amend, 6, b[1:]...).OpenIDs, b[1:], "those that are amended again") // 7
	t.equal(t.states(b...), []mpblock.State{before[0], {Blocked: true, Seq: 7, Since: 5, Until: day}, {Blocked: true, Seq: 7, Since: 5, Until: day}}, "the entries then")
	t.wantDue(dueOf(app, hour, b[0]), dueOf(app, day, b[1:]...))
	t.equal(t.undo(mpblock.Amend, 7, b[1:]...).OpenIDs, b[1:], "and once more") // 8
	t.apply(mpblock.Unblock, b[0], b[1])                                        // 9
	t.undo(mpblock.Block, 9, b[0], b[1])                                        // 10
	t.equal(t.states(b[:2]...), []mpblock.State{{Blocked: true, Seq: 10, Since: 1, Until: hour}, {Blocked: true, Seq: 10, Since: 1, Until: hour}}, "after all")
	t.wantDue(dueOf(app, hour, b[:2]...))
}

func (t *suite) ended() {
	b := ids(5)
	hour, day := end(time.Hour), end(24*time.Hour)
	expire := func(at time.Time) []mpblock.OpenID {
		t.Helper()
		return t.do(app, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: b, Actor: mpblock.ActorExpiry, Time: at, Ended: true}).OpenIDs
	}
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:3], Until: hour}) // 1
	t.apply(mpblock.Block, b[3])                                                 // 2
	t.equal(expire(hour.Add(-time.Millisecond)), []mpblock.OpenID(nil), "too early")
	t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b[:1], Until: day}) // 3
	t.apply(mpblock.Unblock, b[1])                                              // 4
	t.apply(mpblock.Block, b[1])                                                // 5
	t.equal(expire(hour), b[2:3], "those whose end has come")                   // 6
	t.equal(expire(hour), []mpblock.OpenID(nil), "and again")
	t.wantDue(dueOf(app, day, b[0]))
	t.equal(expire(never), b[:1], "the other, late") // 7
	t.wantDue()
	t.equal(t.page(mpblock.OpenID{}, 9).OpenIDs, []mpblock.OpenID{b[1], b[3]}, "those who stay")
	t.equal(t.log()[6].Actor, mpblock.ActorExpiry, "who unblocked")
}

func (t *suite) endGivenBack() {
	b := ids(3)
	hour, day := end(time.Hour), end(24*time.Hour)
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:1], Until: hour}) // 1
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[1:2], Until: day}) // 2
	t.apply(mpblock.Block, b[2])                                                 // 3
	t.apply(mpblock.Unblock, b...)                                               // 4
	t.wantDue()
	redo := mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Undoes: 4, Time: hour}
	t.equal(t.do(app, redo).OpenIDs, b[1:], "those whose end is to come, or who have none") // 5
	t.wantDue(dueOf(app, day, b[1]))
	t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b[1:], Until: end(48 * time.Hour), Time: hour})                                                    // 6
	t.equal(t.do(app, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b, Undoes: 6, Time: day}).OpenIDs, b[2:], "the undo of an amend, after the end before it") // 7
	t.wantDue(dueOf(app, end(48*time.Hour), b[1]))
	t.do(app, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: b[1:2], Actor: mpblock.ActorExpiry, Time: never, Ended: true}) // 8
	t.equal(t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Undoes: 8, Time: never}), mpblock.Change{}, "the undo of an expiry")
	t.wantDue()
}

// endsTogether has batches wait for one another, so that stores write them together.
func (t *suite) endsTogether() {
	b := ids(8)
	var wg sync.WaitGroup
	for i := range b {
		wg.Go(func() {
			for n := range 4 {
				for _, batch := range []mpblock.Batch{
					{Action: mpblock.Block, OpenIDs: b, Until: end(time.Duration(i+1) * time.Hour)},
					{Action: mpblock.Amend, OpenIDs: b[i/2:], Until: end(time.Duration(i+n) * time.Minute)},
					{Action: mpblock.Unblock, OpenIDs: b[i : i+1]},
					{Action: mpblock.Unblock, OpenIDs: b, Time: end(time.Duration(n) * time.Minute), Ended: true},
				} {
					batch.Actor = "test"
					if batch.Time.IsZero() {
						batch.Time = start
					}
					c, err := t.s.Apply(t.Context(), app, batch)
					if err != nil {
						t.Error(err)
						return
					}
					if c.Seq == 0 {
						continue
					}
					undo := mpblock.Batch{Action: mpblock.Unblock, OpenIDs: c.OpenIDs, Actor: "test", Time: start, Undoes: c.Seq}
					switch c.Action {
					case mpblock.Unblock:
						undo.Action = mpblock.Block
					case mpblock.Amend:
						undo.Action = mpblock.Amend
					case mpblock.Block:
					}
					if _, err := t.s.Apply(t.Context(), app, undo); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	t.sound(app)
}

func (t *suite) dueOfOne() {
	b, names := ids(5), []mpblock.AppID{app, other}
	want := map[mpblock.AppID][]mpblock.DueEnd{}
	for i, id := range b {
		for j, a := range names {
			until := end(time.Duration(1+i/(1+j)) * time.Hour)
			t.do(a, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Until: until})
			want[a] = append(want[a], dueOf(a, until, id)...)
		}
	}
	for _, a := range names {
		for limit := 1; limit < 12; limit++ {
			ends, err := endsOf(t.Context(), t.s, a, mpblock.DueEnd{}, never, limit)
			t.must(err)
			t.equal(ends, want[a], "the ends of an account")
			ends, err = endsOf(t.Context(), t.s, a, want[a][1], want[a][3].Until, limit)
			t.must(err)
			t.equal(ends, want[a][2:4], "those behind one, up to a time")
		}
	}
	t.equal(t.due(app, mpblock.DueEnd{}, never, 0), []mpblock.DueEnd(nil), "a limit of 0")
	t.equal(t.due("wx0000000000000000", mpblock.DueEnd{}, never, 9), []mpblock.DueEnd(nil), "the ends of an account that has none")
}

func (t *suite) endsErased() {
	b := ids(3)
	hour := end(time.Hour)
	for _, a := range []mpblock.AppID{app, other} {
		t.do(a, mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Until: hour})
	}
	t.must(t.s.Erase(t.Context(), app))
	t.equal(t.due(app, mpblock.DueEnd{}, never, 9), []mpblock.DueEnd(nil), "the ends of an account that is gone")
	t.wantDue(dueOf(other, hour, b...))
	t.sound(other)
	t.do(app, mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:1], Until: hour})
	t.wantDue(dueOf(app, hour, b[0]), dueOf(other, hour, b...))
}
