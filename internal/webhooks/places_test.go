package webhooks

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/feed"
)

// people are who is protected, as the feed hears of it.
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

func (p *people) change(n *node, kind feed.Kind, behind uint64) {
	p.mu.Lock()
	p.all = append(p.all, feed.Event{Kind: kind, Number: uint64(1_000 + len(p.all)), Behind: behind, Change: mpblock.Change{
		Time: n.Clock.Now(), Actor: "console:anna", Reason: "staff", OpenIDs: ids(0, 1),
	}})
	p.mu.Unlock()
	n.feed.Kick(app)
}

// Who is protected is told too, between the parts of a large change if it comes then, also
// by a node that goes on there; and one message of it can be sent again.
func TestProtectionIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		p := &people{}
		r.people = p
		a := start(t, store, r, "a", nil)
		p.change(a, feed.Protected, 0) // before there is a webhook
		a.add(r, "all")
		a.add(r, "some", feed.Protected)
		a.add(r, "none", feed.Blocked)
		a.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)})
		synctest.Wait()
		p.change(a, feed.Unprotected, 1)
		synctest.Wait()
		r.does("all.example.com", func(*http.Request) (int, error) {
			if got := r.took("all.example.com"); got[len(got)-1].body.Data.Part == 2 {
				return 500, nil
			}
			return 200, nil
		})
		a.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(1, 2_500)})
		synctest.Wait() // its first part was taken
		time.Sleep(time.Second)
		a.cancel()
		p.change(a, feed.Protected, 1) // on another node, which has seen less
		r.answers("all.example.com", 200)
		b := start(t, store, r, "b", nil)
		defer b.cancel()
		time.Sleep(time.Minute)
		show := func(host string) (all []string) {
			for _, g := range r.took(host) {
				d := g.body.Data
				all = append(all, fmt.Sprintf("%s %d %d.%d/%d", g.body.Type, d.Protection, d.Revision, d.Part, d.Parts))
			}
			return all
		}
		want := []string{
			"blocked 0 1.1/1", "unprotected 1001 0.1/1", "blocked 0 2.1/3", "blocked 0 2.2/3",
			"protected 1002 0.1/1", "blocked 0 2.2/3", "blocked 0 2.3/3",
		}
		if got := show("all.example.com"); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if got := show("some.example.com"); !slices.Equal(got, []string{"protected 1002 0.1/1"}) {
			t.Errorf("who hears of protection alone was told %q", got)
		}
		if got := show("none.example.com"); len(got) != 4 {
			t.Errorf("who hears of blocks alone was told %q", got)
		}
		d, err := b.Resend(t.Context(), app, "some", "msg_"+string(app)+"_protection_1002")
		if err != nil || d.Kind != feed.Protected || d.OpenIDs != 1 {
			t.Errorf("Resend = %+v, %v", d, err)
		}
		if got := r.took("some.example.com"); len(got) != 2 || got[0].id != got[1].id || got[1].body.Data.Actor != "console:anna" || got[1].body.Data.Reason != "staff" {
			t.Errorf("sent again: %+v", got)
		}
		one := uint64(1)
		if _, err := b.Resume(t.Context(), app, "all", &one); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := show("all.example.com")[len(want):]; !slices.Equal(got, []string{"blocked 0 2.1/3", "blocked 0 2.2/3", "blocked 0 2.3/3"}) {
			t.Errorf("from behind revision 1 it is told of %q", got)
		}
	})
}

// A webhook whose place is of a log that went back, and has grown beyond it since, stops.
func TestAnotherLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		a := start(t, store, r, "a", nil)
		a.add(r, "x")
		for i := range 3 {
			a.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(i, 1)})
		}
		synctest.Wait()
		a.cancel()
		restored, _ := world() // with the records of the first, and another log
		for _, kind := range []string{string(kindHooks), kindPlaces} {
			e, err := store.Get(t.Context(), kind, string(app))
			if err != nil {
				t.Fatal(err)
			}
			e.Version = 0
			if _, err := restored.Put(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		b := start(t, restored, r, "b", nil)
		defer b.cancel()
		for i := range 5 {
			b.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(10+i, 1), Reason: "after the restore"})
		}
		time.Sleep(time.Minute)
		v, err := b.Hook(t.Context(), app, "x")
		if err != nil || v.Why != StopLost || len(r.took("x.example.com")) != 3 {
			t.Errorf("Hook = %+v, %v, %d messages, want it stopped before another", v, err, len(r.took("x.example.com")))
		}
		zero := uint64(0)
		if _, err := b.Resume(t.Context(), app, "x", &zero); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := len(r.took("x.example.com")); got != 8 {
			t.Errorf("%d messages once it goes on, want 8", got)
		}
	})
}
