package storetest

import (
	"slices"
	"strings"

	"mpblock"
)

func (t *suite) largest() {
	b := ids(mpblock.MaxWrite)
	t.follow(b...)
	c, err := t.s.Apply(t.Context(), app, mpblock.Batch{
		Action: mpblock.Block, OpenIDs: b, Time: start, Known: true,
		Actor: strings.Repeat("a", mpblock.MaxActor), Reason: strings.Repeat("r", mpblock.MaxReason),
	})
	t.must(err)
	t.equal(len(c.OpenIDs), mpblock.MaxWrite, "blocked")
	t.equal(t.page(mpblock.OpenID{}, mpblock.MaxWrite+1).OpenIDs, b, "blacklist")
	t.equal(t.log(), []mpblock.Change{c}, "log")
	t.sound(app)
}

func (t *suite) shared() {
	b := ids(4)
	given := []mpblock.OpenID{b[2], b[0], b[2], b[1]}
	as := slices.Clone(given)
	t.follow(given...)
	t.equal(given, as, "followers that were given")
	made := t.apply(mpblock.Block, given...)
	page, log := t.page(mpblock.OpenID{}, 9), t.log()
	t.apply(mpblock.Unblock, given...)
	t.apply(mpblock.Block, b[3], b[1])
	t.equal(given, as, "a batch that was given")
	t.equal(made.OpenIDs, b[:3], "the change that was returned")
	t.equal(log[0].OpenIDs, b[:3], "the log as it was read")
	t.equal(page, mpblock.Page{OpenIDs: b[:3], Total: 3, Seq: 1}, "the page as it was read")
	value := []byte("value")
	r, err := t.s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: "key", Value: value})
	t.must(err)
	clear(value)
	clear(r.Value)
	got, err := t.s.Get(t.Context(), "kind", "key")
	t.must(err)
	t.equal(string(got.Value), "value", "record")
	t.sound(app)
}
