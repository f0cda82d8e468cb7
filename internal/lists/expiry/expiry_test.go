package expiry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
)

// world is a store, some accounts, and a Worker.
type world struct {
	*testing.T
	store    mpblock.Store
	lists    *lists.Service
	accounts map[mpblock.AppID]*mpblock.Account
	apply    func(context.Context, *mpblock.Account, mpblock.Batch) (mpblock.Change, error)

	mu       sync.Mutex
	reported []error
	reads    atomic.Int64
}

func begin(t *testing.T) *world {
	store := memstore.New()
	service, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, store: store, lists: service, accounts: map[mpblock.AppID]*mpblock.Account{}, apply: service.Apply}
}

// run runs a Worker until the test has ended.
func (w *world) run() {
	ctx, stop := context.WithCancel(w.Context())
	done := make(chan struct{})
	worker := New(Options{
		Due: func(ctx context.Context, app mpblock.AppID, after mpblock.DueEnd, until time.Time, limit int) ([]mpblock.DueEnd, error) {
			w.reads.Add(1)
			return w.store.Due(ctx, app, after, until, limit)
		},
		Account: func(_ context.Context, app mpblock.AppID) (*mpblock.Account, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if a := w.accounts[app]; a != nil {
				return a, nil
			}
			return nil, errors.New("no such account")
		},
		Apply: func(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
			return w.apply(ctx, a, b)
		},
		Report: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reported = append(w.reported, err)
		},
	})
	go func() {
		defer close(done)
		worker.Run(ctx)
	}()
	w.Cleanup(func() { stop(); <-done })
}

func (w *world) account(n int) *mpblock.Account {
	app := mpblock.AppID(fmt.Sprintf("wx%016x", n))
	if w.accounts[app] == nil {
		w.accounts[app] = &mpblock.Account{AppID: app, AnyFollower: true}
	}
	return w.accounts[app]
}

func id(n int) mpblock.OpenID { return mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(n)) }

// block blocks somebody for some time.
func (w *world) block(a *mpblock.Account, n int, d time.Duration) {
	w.Helper()
	w.do(a, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id(n)}, Actor: "test", Until: time.Now().Add(d)})
}

func (w *world) do(a *mpblock.Account, b mpblock.Batch) {
	w.Helper()
	if _, err := w.lists.Apply(w.Context(), a, b); err != nil {
		w.Fatal(err)
	}
}

// blocked tells how many of an account are.
func (w *world) blocked(a *mpblock.Account) int {
	w.Helper()
	synctest.Wait()
	p, err := w.store.Blacklist(w.Context(), a.AppID, mpblock.OpenID{}, 0)
	if err != nil {
		w.Fatal(err)
	}
	return p.Total
}

// wait lets so much time pass, all but an instant.
func wait(d time.Duration) { time.Sleep(d) }

func TestEndsFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		one, two := w.account(1), w.account(2)
		w.block(one, 1, time.Hour)
		w.block(one, 2, 2*time.Hour)
		w.block(two, 1, time.Hour)
		w.do(two, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id(3)}, Actor: "test"})
		w.run()
		wait(time.Hour - time.Millisecond)
		if w.blocked(one) != 2 || w.blocked(two) != 2 {
			t.Error("too early")
		}
		wait(2 * time.Millisecond)
		if w.blocked(one) != 1 || w.blocked(two) != 1 {
			t.Error("not at the time")
		}
		w.block(one, 4, time.Millisecond) // sooner than the end that it waits for
		wait(time.Second)
		if n := w.blocked(one); n != 1 {
			t.Errorf("%d are blocked a second later, want 1", n)
		}
		wait(time.Hour)
		if n := w.blocked(one); n != 0 {
			t.Errorf("%d are blocked after the last end", n)
		}
		changes, err := w.store.Changes(t.Context(), one.AppID, 0, 99)
		if err != nil || len(changes) != 6 {
			t.Fatalf("%d changes, %v", len(changes), err)
		}
		for _, c := range changes[2:] {
			if c.Action == mpblock.Unblock && c.Actor != mpblock.ActorExpiry {
				t.Errorf("change %d by %s", c.Seq, c.Actor)
			}
		}
		if len(w.reported) > 0 {
			t.Error(w.reported)
		}
	})
}

// What was changed since stays, however late.
func TestWhatChangedSinceIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		a := w.account(1)
		w.block(a, 1, time.Hour)
		w.block(a, 2, time.Hour)
		w.apply = func(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
			if b.Ended && len(b.OpenIDs) == 2 { // somebody comes in between
				w.do(a, mpblock.Batch{Action: mpblock.Amend, OpenIDs: b.OpenIDs[:1], Actor: "test"})
			}
			return w.lists.Apply(ctx, a, b)
		}
		w.run()
		wait(2 * time.Hour)
		if n := w.blocked(a); n != 1 {
			t.Errorf("%d are blocked, want the amended one", n)
		}
	})
}

// An account that cannot be changed, or is at a platform that does not answer, holds up
// no other one, is tried again, and is reported once.
func TestOneThatFailsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		bad, far, good, retired := w.account(1), w.account(2), w.account(3), w.account(4)
		far.Upstream = "https://platform.example"
		gone := &mpblock.Account{AppID: "wx00000000000000ff", AnyFollower: true}
		for n := range 3 {
			for _, a := range []*mpblock.Account{bad, far, good, retired, gone} {
				w.block(a, n, time.Hour)
			}
		}
		retired.Retired = true
		answers, works := make(chan struct{}), time.Now().Add(2*time.Hour)
		w.apply = func(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
			switch {
			case a == bad && time.Now().Before(works):
				return mpblock.Change{}, errors.New("the disk is full")
			case a == far:
				<-answers
			}
			return w.lists.Apply(ctx, a, b)
		}
		w.run()
		wait(time.Hour + time.Second)
		if w.blocked(bad) != 3 || w.blocked(far) != 3 || w.blocked(good) != 0 || w.blocked(retired) != 3 {
			t.Error("others than the good one")
		}
		close(answers)
		wait(time.Hour)
		if w.blocked(bad) != 0 || w.blocked(far) != 0 || w.blocked(retired) != 3 || w.blocked(gone) != 3 {
			t.Error("not all that are there")
		}
		used := *retired
		used.Retired = false
		w.mu.Lock()
		w.accounts[retired.AppID] = &used
		w.mu.Unlock()
		wait(retryThere)
		if n := w.blocked(retired); n != 0 {
			t.Errorf("%d are blocked of one that is in use again", n)
		}
		if len(w.reported) != 1 {
			t.Error(w.reported)
		}
	})
}

// Who the platform refuses to unblock stays, is not tried again soon, and the others end.
func TestThosePlatformRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		a := w.account(1)
		a.Upstream = "https://platform.example"
		for n := range 350 {
			w.block(a, n, time.Hour)
		}
		refuses := map[mpblock.OpenID]bool{}
		for n := range 150 { // whole batches of them
			refuses[id(n)] = true
		}
		calls, largest := 0, 0
		w.apply = func(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (c mpblock.Change, err error) {
			calls, largest = calls+1, max(largest, len(b.OpenIDs))
			var refused []mpblock.Refused
			for _, id := range b.OpenIDs {
				if refuses[id] {
					refused = append(refused, mpblock.Refused{OpenID: id, Code: 40003})
				}
			}
			if b.OpenIDs = slices.DeleteFunc(b.OpenIDs, func(id mpblock.OpenID) bool { return refuses[id] }); len(b.OpenIDs) > 0 {
				c, err = w.lists.Apply(ctx, a, b)
			}
			if len(refused) > 0 {
				err = &mpblock.RefusedError{Refused: refused}
			}
			return c, err
		}
		w.run()
		wait(time.Hour + time.Second)
		if n := w.blocked(a); n != 150 || largest != callsAtOnce {
			t.Errorf("%d are blocked, want 150; the largest change had %d", n, largest)
		}
		wait(10 * time.Minute)
		if synctest.Wait(); calls != 4 {
			t.Errorf("%d calls, want 4", calls)
		}
		if len(w.reported) != 1 || !errors.As(w.reported[0], new(*mpblock.RefusedError)) {
			t.Error(w.reported)
		}
	})
}

// The ends of an account that is left alone are not read all the time, and hold up nobody.
func TestManyEndsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		retired, good := w.account(1), w.account(2)
		retired.Retired = true
		many := make([]mpblock.OpenID, 3*atOnce)
		for n := range many {
			many[n] = id(n)
		}
		for ids := range slices.Chunk(many, mpblock.MaxWrite) {
			b := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids, Actor: "test", Time: time.Now(), Until: time.Now().Add(time.Second)}
			if _, err := w.store.Apply(t.Context(), retired.AppID, b); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 5 {
			w.block(good, n, time.Duration(n+1)*time.Second)
		}
		w.run()
		wait(6 * time.Second)
		if n := w.blocked(good); n != 0 {
			t.Errorf("%d are blocked behind those that wait", n)
		}
		before := w.reads.Load()
		wait(time.Minute)
		if n := w.reads.Load() - before; n > 2*60+2*4 { // twice a second, and all of them every 30 s
			t.Errorf("%d reads in a minute", n)
		}
		used := *retired
		used.Retired = false
		w.mu.Lock()
		w.accounts[retired.AppID] = &used
		w.mu.Unlock()
		wait(retryThere + time.Second)
		if n := w.blocked(retired); n != 0 {
			t.Errorf("%d are blocked of one that is in use again", n)
		}
	})
}

// After a day those are tried again that the platform has refused.
func TestRefusedOnesAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Options{Report: func(error) {}})
		d := mpblock.DueEnd{Until: time.Now(), AppID: "wx0000000000000001", OpenID: id(1)}
		w.refuse(d.AppID, []mpblock.DueEnd{d}, []mpblock.Refused{{OpenID: d.OpenID, Code: 40003}})
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{retryOne - time.Second, 0}, {time.Minute, 1}} {
			wait(step.wait)
			w.from(time.Now())
			if order, _ := w.sort([]mpblock.DueEnd{d}, mpblock.DueEnd{}, false); len(order) != step.want {
				t.Errorf("%d accounts to be tried after %v more, want %d", len(order), step.wait, step.want)
			}
		}
	})
}

// An end that does not come about is not tried all the time.
func TestAnEndWithoutEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		w.block(w.account(1), 1, time.Hour)
		calls := 0
		w.apply = func(context.Context, *mpblock.Account, mpblock.Batch) (mpblock.Change, error) {
			calls++
			time.Sleep(time.Millisecond)
			return mpblock.Change{}, nil
		}
		w.run()
		wait(time.Hour + 10*time.Second)
		synctest.Wait()
		if calls < 10 || calls > 21 {
			t.Errorf("%d calls in ten seconds", calls)
		}
	})
}

// Several nodes at the same ends make each change once.
func TestSeveralNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		for n := range 100 {
			w.block(w.account(n%10), n, time.Hour)
		}
		for range 3 {
			w.run()
		}
		wait(time.Hour + time.Second)
		for n := range 10 {
			a := w.account(n)
			if n := w.blocked(a); n != 0 {
				t.Errorf("%d are blocked", n)
			}
			if p, err := w.store.Blacklist(t.Context(), a.AppID, mpblock.OpenID{}, 0); err != nil || p.Seq > 20 {
				t.Errorf("%d changes, %v", p.Seq, err)
			}
		}
	})
}

// A clock that is moved fires what is due at once.
func TestAClockIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		c := &movable{moved: make(chan struct{})}
		worker := New(Options{
			Due: w.store.Due, Clock: c, Report: func(err error) { t.Error(err) },
			Account: func(context.Context, mpblock.AppID) (*mpblock.Account, error) { return w.account(1), nil },
			Apply: func(ctx context.Context, a *mpblock.Account, b mpblock.Batch) (mpblock.Change, error) {
				b.Time = c.Now()
				return w.store.Apply(ctx, a.AppID, b)
			},
		})
		w.block(w.account(1), 1, time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go worker.Run(ctx)
		synctest.Wait()
		begun := time.Now()
		c.advance(time.Hour)
		if n := w.blocked(w.account(1)); n != 0 || !time.Now().Equal(begun) {
			t.Errorf("%d are blocked, %v after", n, time.Since(begun))
		}
	})
}

type movable struct {
	mu    sync.Mutex
	ahead time.Duration
	moved chan struct{}
}

func (c *movable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *movable) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

func (c *movable) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	close(c.moved)
	c.moved = make(chan struct{})
}
