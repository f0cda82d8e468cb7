package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/record"
	"mpblock/internal/webhooks/post"
)

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// A change is told of at once, in parts if it is large, with all that is known of it; and
// only to whom it is for.
func TestMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		n := start(t, store, r, "", nil)
		defer n.cancel()
		n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)}) // before there is a webhook
		n.add(r, "all")
		n.add(r, "ends", feed.Expired)
		until := time.Now().Add(time.Hour)
		n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 2_500), Reason: "spam", Until: until})
		n.apply(mpblock.Batch{Action: mpblock.Amend, OpenIDs: ids(1, 1)})
		n.apply(mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids(1, 1)})
		n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(1, 1), Undoes: 4})
		synctest.Wait()
		time.Sleep(time.Hour)
		n.apply(mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids(0, 3), Actor: mpblock.ActorExpiry, Ended: true})
		synctest.Wait()

		all := r.took("all.example.com")
		var told []string
		for i, g := range all {
			d := g.body.Data
			told = append(told, fmt.Sprintf("%s %d.%d/%d %d", g.body.Type, d.Revision, d.Part, d.Parts, len(d.OpenIDs)))
			if !g.valid[0] || g.signed != 1 || d.AppID != app {
				t.Errorf("message %d: signed %d times, valid %v, of %s", i, g.signed, g.valid, d.AppID)
			}
		}
		want := []string{"blocked 2.1/3 1000", "blocked 2.2/3 1000", "blocked 2.3/3 499", "amended 3.1/1 1", "unblocked 4.1/1 1", "blocked 5.1/1 1", "expired 6.1/1 1"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		first := all[0].body
		if d := first.Data; d.Reason != "spam" || d.Actor != "api:crm" || !d.ExpireTime.Equal(until) || d.OpenIDs[0] == "" || first.Timestamp.IsZero() {
			t.Errorf("the first message is %+v", first)
		}
		if got := r.took("ends.example.com"); len(got) != 1 || got[0].body.Type != feed.Expired || got[0].valid[0] || !got[0].valid[1] {
			t.Errorf("who hears of ends alone has got %+v", got)
		}
		views, err := n.Hooks(t.Context(), app)
		if err != nil || len(views) != 2 || views[0].Secrets[0].Sealed != "" {
			t.Errorf("Hooks = %+v, %v", views, err)
		}
	})
}

// What is not taken is tried again after ever longer times, and holds up nobody else.
func TestTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		n := start(t, store, r, "", nil)
		defer n.cancel()
		n.add(r, "bad")
		n.add(r, "hangs")
		n.add(r, "good")
		r.answers("bad.example.com", 500)
		r.does("hangs.example.com", func(req *http.Request) (int, error) { <-req.Context().Done(); return 0, req.Context().Err() })
		began := time.Now()
		for i := range 3 {
			n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(i, 1)})
		}
		synctest.Wait()
		if got := r.took("good.example.com"); len(got) != 3 {
			t.Errorf("the one that answers has got %d messages at once, want 3", len(got))
		}
		time.Sleep(40 * time.Second)
		r.answers("bad.example.com", 204)
		view, err := n.Hook(t.Context(), app, "bad")
		if want := (Failing{4, began.UTC(), began.Add(75 * time.Second).UTC()}); err != nil || view.Failing != want || view.Behind != 3 {
			t.Errorf("Hook = %+v, %v, want failing %+v", view, err, want)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var times []string
		for _, g := range r.took("bad.example.com") {
			times = append(times, fmt.Sprint(g.body.Data.Revision, " ", g.at.Sub(began)))
		}
		if want := []string{"1 0s", "1 5s", "1 15s", "1 35s", "1 1m15s", "2 1m15s", "3 1m15s"}; !slices.Equal(times, want) {
			t.Errorf("tried %q, want %q", times, want)
		}
		var hung []time.Duration
		for _, g := range r.took("hangs.example.com") {
			hung = append(hung, g.at.Sub(began))
		}
		if want := []time.Duration{0, 5 * time.Second, 25 * time.Second, 55 * time.Second}; len(hung) < 4 || hung[1] < want[1] {
			t.Errorf("the one that hangs was tried at %v", hung)
		}
		time.Sleep(2 * time.Second)
		got, err := n.Deliveries(t.Context(), app, "bad")
		if err != nil || len(got) != 3 || got[2].Attempts != 5 || got[2].Code != 204 || got[2].Fault != "" || !got[2].Next.IsZero() || got[0].Revision != 3 {
			t.Errorf("Deliveries = %+v, %v", got, err)
		}
		got, err = n.Deliveries(t.Context(), app, "hangs")
		if err != nil || len(got) != 1 || got[0].Fault != post.Timeout || got[0].Took != post.Patience || got[0].Next.IsZero() {
			t.Errorf("Deliveries = %+v, %v", got, err)
		}
	})
}

// After a day a webhook stops, keeps its place, and goes on when somebody says so.
func TestStops(t *testing.T) {
	for _, tt := range []struct {
		code  int
		want  Stop
		after time.Duration
	}{{503, StopFailed, 24 * time.Hour}, {410, StopGone, 0}, {307, StopFailed, 24 * time.Hour}} {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				store, r := world()
				n := start(t, store, r, "", nil)
				defer n.cancel()
				n.add(r, "a")
				r.answers("a.example.com", tt.code)
				began := time.Now()
				n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)})
				n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(1, 1)})
				time.Sleep(25 * time.Hour)
				v, err := n.Hook(t.Context(), app, "a")
				if err != nil || v.Why != tt.want || !v.Stopped.Equal(began.Add(tt.after)) {
					t.Errorf("Hook = %+v, %v, want it stopped for %s after %v", v, err, tt.want, tt.after)
				}
				tries := len(r.took("a.example.com"))
				time.Sleep(time.Hour)
				if now := len(r.took("a.example.com")); now != tries {
					t.Errorf("%d attempts after it has stopped", now-tries)
				}
				r.answers("a.example.com", 200)
				if _, err := n.Resume(t.Context(), app, "a", nil); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				got := r.took("a.example.com")[tries:]
				if len(got) != 2 || got[0].body.Data.Revision != 1 || got[1].body.Data.Revision != 2 {
					t.Errorf("after it goes on it is told of %+v", got)
				}
				one := uint64(1) // and again, from behind a revision
				if _, err := n.Resume(t.Context(), app, "a", &one); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				time.Sleep(10 * time.Second)
				if got := r.took("a.example.com")[tries+2:]; len(got) != 1 || got[0].body.Data.Revision != 2 {
					t.Errorf("from behind revision 1 it is told of %+v", got)
				}
			})
		})
	}
}

// Two secrets are good together for the time that was said.
func TestRotate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		n := start(t, store, r, "", nil)
		defer n.cancel()
		n.add(r, "a")
		_, secret, err := n.Rotate(t.Context(), app, "a", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		r.secrets = append(r.secrets, secret)
		for i, want := range [][]bool{{true, true}, {true, true}, {false, true}} {
			n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(i, 1)})
			synctest.Wait()
			if got := r.took("a.example.com"); !slices.Equal(got[len(got)-1].valid, want) {
				t.Errorf("message %d is good by the secrets %v, want %v", i, got[len(got)-1].valid, want)
			}
			if v, err := n.Hook(t.Context(), app, "a"); err != nil || len(v.Secrets) != 2-i/2 {
				t.Errorf("Hook = %+v, %v", v, err)
			}
			time.Sleep(59*time.Minute + 59*time.Second)
			if i == 1 {
				time.Sleep(time.Minute)
			}
		}
	})
}

// One node sends. When it is killed the other goes on, and nothing is missed.
func TestTwoNodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		a := start(t, store, r, "a", nil)
		defer a.cancel()
		a.add(r, "x")
		synctest.Wait()
		b := start(t, store, r, "b", nil)
		defer b.cancel()
		last := uint64(0)
		change := func(n int) {
			for range n {
				last = b.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(int(last), 1)}).Seq
				time.Sleep(10 * time.Millisecond)
			}
		}
		change(100)
		time.Sleep(time.Second)
		if got := r.took("x.example.com"); len(got) != 100 {
			t.Fatalf("while both run there are %d messages, want 100, each once", len(got))
		}
		sent := 0
		r.does("x.example.com", func(*http.Request) (int, error) {
			if sent++; sent == 7 {
				a.dead.Store("dead", true) // before it can write down that this one was taken
			}
			return 200, nil
		})
		change(50)
		a.kill()
		change(50)
		time.Sleep(20 * time.Second)
		change(50)
		time.Sleep(time.Second)
		next, again := uint64(1), 0
		for _, g := range r.took("x.example.com") {
			switch rev := g.body.Data.Revision; {
			case rev == next:
				next++
			case rev < next:
				again++
			default:
				t.Fatalf("revision %d comes after %d", rev, next-1)
			}
		}
		if next != last+1 {
			t.Errorf("told up to revision %d, want %d", next-1, last)
		}
		if again == 0 || again > atOnce {
			t.Errorf("%d messages came twice, want a few: what had been sent and not written down", again)
		}
		// What is set on one node holds for the one that sends.
		if _, err := b.Remove(t.Context(), app, "x"); err != nil {
			t.Fatal(err)
		}
		before := len(r.took("x.example.com"))
		change(1)
		time.Sleep(time.Minute)
		if got := len(r.took("x.example.com")); got != before {
			t.Errorf("%d messages after the end", got-before)
		}
	})
}

// A node that ends in order has written down all that was taken, also of a page of which
// some is still to be sent.
func TestOrderlyEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		a := start(t, store, r, "a", nil)
		a.add(r, "x")
		for i := range 40 {
			a.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(i, 1)})
		}
		synctest.Wait()
		sent := 0
		r.does("x.example.com", func(req *http.Request) (int, error) {
			if sent++; sent == 7 {
				go a.cancel()
				<-req.Context().Done()
				return 0, req.Context().Err()
			}
			return 200, nil
		})
		for i := range 10 {
			if _, err := store.Apply(t.Context(), app, mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(50+i, 1), Actor: "test", Time: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second) // another node has made them: they are read together
		a.cancel()
		b := start(t, store, r, "b", nil)
		defer b.cancel()
		b.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(100, 1)})
		time.Sleep(time.Second)
		got := r.took("x.example.com")
		var told []uint64
		for _, g := range got {
			told = append(told, g.body.Data.Revision)
		}
		if len(got) != 52 || !slices.Equal(told[45:49], []uint64{46, 47, 47, 48}) {
			t.Errorf("told of %v, want each once, and again that which was under way at the end", told)
		}
	})
}

// An attempt by hand is made at once, and seen.
func TestByHand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		n := start(t, store, r, "", nil)
		defer n.cancel()
		n.add(r, "a")
		state := func(want State) {
			t.Helper()
			all, err := n.Deliveries(t.Context(), app, "a")
			v, err2 := n.Hook(t.Context(), app, "a")
			if got := v.State(all); err != nil || err2 != nil || got != want {
				t.Errorf("State = %q, want %q; %v, %v", got, want, err, err2)
			}
		}
		state(Unused)
		n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1_500)})
		synctest.Wait()
		time.Sleep(6 * time.Second)
		state(Works)
		all, err := n.Deliveries(t.Context(), app, "a")
		if err != nil || len(all) != 2 || all[0].OpenIDs != 500 {
			t.Fatalf("Deliveries = %+v, %v", all, err)
		}
		r.answers("a.example.com", 404)
		d, err := n.Resend(t.Context(), app, "a", all[0].ID)
		if err != nil || d.ID != all[0].ID || d.Fault != post.Status || d.Code != 404 {
			t.Errorf("Resend = %+v, %v", d, err)
		}
		got := r.took("a.example.com")
		if len(got) != 3 || got[2].id != got[1].id || len(got[2].body.Data.OpenIDs) != 500 {
			t.Errorf("the receiver has got %+v", got)
		}
		if d, err = n.Test(t.Context(), app, "a"); err != nil || d.Kind != test || d.Code != 404 {
			t.Errorf("Test = %+v, %v", d, err)
		}
		state(Untaken) // by hand it is tried once
		if d, err = n.Resend(t.Context(), app, "a", d.ID); err != nil || d.Kind != test {
			t.Errorf("Resend of a test = %+v, %v", d, err)
		}
		if all, err = n.Deliveries(t.Context(), app, "a"); err != nil || len(all) != 4 || all[2].Attempts != 2 || all[2].Fault != post.Status {
			t.Errorf("Deliveries = %+v, %v", all, err)
		}
		if _, err := n.Resend(t.Context(), app, "a", "msg_none"); !errors.Is(err, errDelivery) {
			t.Errorf("Resend of none: %v", err)
		}
		for range 150 {
			_, _ = n.Test(t.Context(), app, "a")
		}
		if all, err = n.Deliveries(t.Context(), app, "a"); err != nil || len(all) != MaxDeliveries {
			t.Errorf("%d deliveries are kept, %v, want %d", len(all), err, MaxDeliveries)
		}
	})
}

// Of a webhook that is removed while a message of it is under way nothing is kept.
func TestRemovedUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		n := start(t, store, r, "", nil)
		defer n.cancel()
		for name, send := range map[string]func(){
			"sender": func() {
				n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)})
				time.Sleep(6 * time.Second)
			},
			"test": func() { _, _ = n.Test(t.Context(), app, "test") },
		} {
			n.add(r, name)
			sent := false
			r.does(name+".example.com", func(*http.Request) (int, error) {
				_, err := n.Remove(t.Context(), app, name)
				sent = true
				return 200, err
			})
			send()
			synctest.Wait()
			if !sent {
				t.Errorf("%s: nothing was sent", name)
			}
			for e := range kindLog.Under(t.Context(), store, "", 10) {
				t.Errorf("%s: there is still the log %s", name, e.Key)
			}
		}
	})
}

// stood is a clock that stands still until it is moved.
type stood struct {
	now   time.Time
	moved chan struct{}
}

func (s *stood) Now() time.Time         { return s.now }
func (s *stood) Moved() <-chan struct{} { return s.moved }

// The day that a message is tried for is one of the clock, which somebody may move.
func TestClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, r := world()
		clock := &stood{time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), make(chan struct{})}
		n := start(t, store, r, "", clock)
		defer n.cancel()
		n.add(r, "a")
		r.answers("a.example.com", 500)
		n.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(0, 1)})
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := len(r.took("a.example.com")); got != 1 {
			t.Errorf("%d attempts while the clock stands, want 1", got)
		}
		moved := clock.moved
		clock.now, clock.moved = clock.now.Add(25*time.Hour), make(chan struct{})
		close(moved)
		synctest.Wait()
		if v, err := n.Hook(t.Context(), app, "a"); err != nil || v.Why != StopFailed || len(r.took("a.example.com")) != 2 {
			t.Errorf("after a day of the clock: %+v, %v, %d attempts", v, err, len(r.took("a.example.com")))
		}
	})
}

func TestRefused(t *testing.T) {
	store, r := world()
	s := New(store, Options{Feed: feed.New(store, 0), Seal: open{}, Post: post.Over(r, false), Alone: true})
	ctx := t.Context()
	add := func(name, url string, kinds ...feed.Kind) error {
		_, _, err := s.Add(ctx, app, NewHook{Name: name, URL: url, Events: kinds})
		return err
	}
	must := func(want, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	must(errName, add("A b", "https://example.com/", feed.Blocked))
	must(errName, add(strings.Repeat("a", 33), "https://example.com/", feed.Blocked))
	must(post.ErrURL, add("a", "example.com", feed.Blocked))
	must(errNoEvent, add("a", "https://example.com/"))
	must(nil, add("a", "https://example.com/", feed.Blocked))
	must(errExists, add("a", "https://example.com/", feed.Blocked))
	_, _, err := s.Rotate(ctx, app, "a", MaxKeep+1)
	must(errKeep, err)
	_, _, err = s.Rotate(ctx, app, "b", 0)
	must(ErrNone, err)
	_, err = s.Test(ctx, app, "b")
	must(ErrNone, err)
	_, err = s.Remove(ctx, app, "b")
	must(ErrNone, err)
	far := uint64(1)
	_, err = s.Resume(ctx, app, "a", &far)
	must(errRevision, err)
	for i := 1; i < MaxHooks; i++ {
		must(nil, add(fmt.Sprint(i), "https://example.com/", feed.Blocked))
	}
	must(errMany, add("z", "https://example.com/", feed.Blocked))
	_, err = ParseKinds([]string{"blocked", "followed"})
	must(errEvent, err)
	_, err = ParseKinds(nil)
	must(errNoEvent, err)
	if kinds, err := ParseKinds([]string{"expired", "blocked", "expired"}); err != nil || !slices.Equal(kinds, []feed.Kind{feed.Blocked, feed.Expired}) {
		t.Errorf("ParseKinds = %v, %v", kinds, err)
	}
	if _, err := s.Test(ctx, app, "a"); err != nil {
		t.Error(err)
	}
	must(nil, s.Erase(ctx, app))
	for _, kind := range []string{string(kindHooks), kindPlaces, string(kindLog)} {
		for e := range record.Kind[[]byte](kind).Under(context.Background(), store, "", 10) {
			t.Errorf("after Erase there is %s %s", kind, e.Key)
		}
	}
}
