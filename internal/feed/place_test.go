package feed_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

func TestParsePlace(t *testing.T) {
	for _, p := range []feed.Place{{}, {Revision: 7, Mark: 1<<32 | 5, Protection: 1_800_000_000_000}, {Protection: 3}} {
		if got, whole, ok := feed.ParsePlace(p.String()); !ok || !whole || got != p {
			t.Errorf("%s is read as %+v, %v, %v", p, got, whole, ok)
		}
	}
	if got, whole, ok := feed.ParsePlace("12"); !ok || whole || got != feed.At(12) {
		t.Errorf("a revision is read as %+v, %v, %v", got, whole, ok)
	}
	for _, bad := range []string{"", "x", "-1", "1-", "1-2", "1-2-", "1-2-3-4", "1--", "1-!-2", "1-zzzzzzzzzzzz-1", "99999999999999999999"} {
		if got, _, ok := feed.ParsePlace(bad); ok {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

// A place is good in the log that it is of; not in one that went back to before it, whether
// that has gone on from there or is about to.
func TestAnotherLog(t *testing.T) {
	log := func(reasons ...string) *feed.Store {
		s := feed.New(memstore.New(), 0)
		for i, reason := range reasons {
			apply(t, s, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{storetest.Numbered(uint64(i))}, Reason: reason})
		}
		return s
	}
	before := log("a", "b", "c")
	page, err := before.Read(t.Context(), app, feed.At(0), 10)
	if err != nil {
		t.Fatal(err)
	}
	var at feed.Place
	for i, e := range page.Events {
		at = at.After(e)
		now, err := before.Now(t.Context(), app, e.Seq)
		if err != nil || now != at {
			t.Errorf("behind change %d it is %v, and now %v, %v", i, at, now, err)
		}
		for name, tt := range map[string]struct {
			store *feed.Store
			good  bool
			head  uint64
		}{
			"the same": {before, true, 3}, "restored": {log("a", "b"), i < 2, 2},
			"restored and grown": {log("a", "b", "other", "d", "e"), i < 2, 5},
		} {
			err := tt.store.Verify(t.Context(), app, at)
			var e *mpblock.Error
			if (err == nil) != tt.good || err != nil && (!errors.As(err, &e) || !e.Is(feed.ErrGone) || e.Args[1] != tt.head) {
				t.Errorf("%s, behind change %d: %v, want good %v", name, i+1, err, tt.good)
			}
		}
	}
}

// people is who is protected: a log of changes, each behind a revision.
type people struct {
	mu  sync.Mutex
	all []feed.Event
}

func (p *people) told(_ context.Context, _ mpblock.AppID, after uint64, limit int) (some []feed.Event, last uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.all {
		if last = e.Number; last > after && len(some) < limit {
			some = append(some, e)
		}
	}
	return some, last, nil
}

func (p *people) change(behind uint64) feed.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := feed.Event{Kind: feed.Protected, Number: uint64(10 * (len(p.all) + 1)), Behind: behind}
	p.all = append(p.all, e)
	return e
}

// The changes of who is protected come between those of the list, each once and behind all
// that were made before, however the feed is cut into pages.
func TestProtectionIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := feed.New(memstore.New(), 0), &people{}
		s.WithProtection(p.told)
		var mu sync.Mutex
		var want []feed.Event
		make1 := func() {
			mu.Lock()
			defer mu.Unlock()
			head, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if rand.IntN(3) == 0 {
				want = append(want, p.change(head.Seq))
				s.Kick(app)
			} else {
				want = append(want, feed.Event{Change: block(t, s, head.Seq), Kind: feed.Blocked})
			}
		}
		for range 100 {
			make1()
		}
		f := s.Follow(app)
		defer f.Close()
		var at feed.Place
		told := 0
		for told < 200 {
			if told == len(want) { // it waits for each
				go func() { time.Sleep(time.Second); make1() }()
			}
			limit := 1 + rand.IntN(4)
			page, err := f.Next(t.Context(), at, limit)
			if err != nil || len(page.Events) == 0 || len(page.Events) > limit {
				t.Fatalf("%d events for a limit of %d, %v", len(page.Events), limit, err)
			}
			mu.Lock()
			for _, e := range page.Events {
				if w := want[told]; e.Seq != w.Seq || e.Number != w.Number || e.Kind != w.Kind {
					t.Fatalf("event %d is %s %d %d, want %s %d %d", told, e.Kind, e.Seq, e.Number, w.Kind, w.Seq, w.Number)
				}
				at = at.After(e)
				told++
			}
			if told < 100 && !page.More(at) {
				t.Errorf("behind event %d of %d there is no more", told, len(want))
			}
			mu.Unlock()
		}
		if err := s.Verify(t.Context(), app, at); err != nil {
			t.Error(err)
		}
		if told != len(want) || at.Protection != p.all[len(p.all)-1].Number {
			t.Fatalf("%d events were told of %d", told, len(want))
		}
		p.all = p.all[:len(p.all)-1] // set back
		if err := s.Verify(t.Context(), app, at); !errors.Is(err, feed.ErrGone) {
			t.Errorf("behind who is no more protected: %v", err)
		}
		if _, err := s.Read(t.Context(), app, at, 1); !errors.Is(err, feed.ErrGone) {
			t.Errorf("read from there: %v", err)
		}
		p.change(0)
		p.all[len(p.all)-1].Number += 5 // and gone on
		if err := s.Verify(t.Context(), app, at); !errors.Is(err, feed.ErrGone) {
			t.Errorf("behind what others have become: %v", err)
		}
		if e, ok, err := s.Event(t.Context(), app, 0, p.all[0].Number); err != nil || !ok || e.Number != p.all[0].Number {
			t.Errorf("Event = %v, %v, %v", e, ok, err)
		}
		if e, ok, err := s.Event(t.Context(), app, 3, 0); err != nil || !ok || e.Seq != 3 {
			t.Errorf("Event = %v, %v, %v", e, ok, err)
		}
		if e, ok, err := s.Event(t.Context(), app, 1_000, 0); err != nil || ok {
			t.Errorf("Event = %v, %v, %v, want none", e, ok, err)
		}
	})
}
