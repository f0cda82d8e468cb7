package storetest

import (
	"context"
	"errors"
	"sync"

	"mpblock"
)

func (t *suite) concurrentWriters() {
	const writers, batches = 8, 25
	b := ids(writers * batches * 2)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			mine := b[w*batches*2 : (w+1)*batches*2]
			for i := range batches {
				c, err := t.s.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: mine[2*i : 2*i+2], Actor: "test", Time: start})
				if err != nil || len(c.OpenIDs) != 2 {
					t.Errorf("%+v, %v", c, err)
				}
			}
		})
	}
	wg.Wait()
	t.equal(t.page(mpblock.OpenID{}, 0), mpblock.Page{Total: len(b), Seq: writers * batches}, "head")
	t.sound(app)
}

// wholeChanges holds every page to what the log says of its seq: total and
// entries are of one instant.
func (t *suite) wholeChanges() {
	const pairs = 40
	b := ids(2 * pairs)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				p, err := t.s.Blacklist(t.Context(), app, mpblock.OpenID{}, len(b))
				if err != nil || len(p.OpenIDs) != p.Total || p.Total != int(2*p.Seq) { //nolint:gosec // small
					t.Errorf("seq %d: %d entries, total %d, %v", p.Seq, len(p.OpenIDs), p.Total, err)
					return
				}
				st, err := t.s.States(t.Context(), app, []mpblock.OpenID{b[0], b[len(b)-1]})
				if err != nil || st[0] != st[1] {
					t.Errorf("half of a change: %+v, %v", st, err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range pairs {
		t.apply(mpblock.Block, b[i], b[2*pairs-1-i])
	}
	close(done)
	wg.Wait()
	t.sound(app)
}

func (t *suite) endedContext() {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range t.everyMethod(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.equal(t.page(mpblock.OpenID{}, 9), mpblock.Page{}, "nothing has changed")
}

func (t *suite) closed() {
	t.apply(mpblock.Block, ids(1)...)
	t.must(t.s.Close())
	for name, err := range t.everyMethod(t.Context()) {
		if err == nil {
			t.Errorf("%s works on a closed store", name)
		}
	}
}

func (t *suite) everyMethod(ctx context.Context) map[string]error {
	errs := map[string]error{}
	one := ids(1)
	_, errs["AddFollowers"] = t.s.AddFollowers(ctx, app, one)
	_, errs["RemoveFollowers"] = t.s.RemoveFollowers(ctx, app, one)
	_, errs["Followers"] = t.s.Followers(ctx, app, mpblock.OpenID{}, 1)
	_, errs["Apply"] = t.s.Apply(ctx, app, mpblock.Batch{Action: mpblock.Block, OpenIDs: one, Actor: "test", Time: start})
	_, errs["Blacklist"] = t.s.Blacklist(ctx, app, mpblock.OpenID{}, 1)
	_, errs["States"] = t.s.States(ctx, app, one)
	_, errs["Changes"] = t.s.Changes(ctx, app, 0, 1)
	_, errs["ChangesOf"] = t.s.ChangesOf(ctx, app, one[0], 0, 1)
	_, errs["ChangeHeads"] = t.s.ChangeHeads(ctx, app, []uint64{1})
	errs["Histories"] = t.s.Histories(ctx, app, mpblock.OpenID{}, one[0], func(mpblock.OpenID, mpblock.Change) {})
	_, errs["Kinds"] = t.s.Kinds(ctx)
	_, errs["Get"] = t.s.Get(ctx, "kind", "key")
	_, errs["Put"] = t.s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key"})
	errs["Delete"] = t.s.Delete(ctx, "kind", "key", 1)
	_, errs["List"] = t.s.List(ctx, "kind", "", 1)
	return errs
}
