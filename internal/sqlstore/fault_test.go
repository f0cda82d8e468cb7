//go:build mariadb

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/sqlstore/query"
	"mpblock/internal/storetest"
)

const app = mpblock.AppID("wx0123456789abcdef")

func numbered(from, n int) []mpblock.OpenID {
	ids := make([]mpblock.OpenID, n)
	for i := range ids {
		ids[i] = storetest.Numbered(uint64(from + i))
	}
	return ids
}

func batchOf(a mpblock.Action, ids ...mpblock.OpenID) mpblock.Batch {
	return mpblock.Batch{Action: a, OpenIDs: ids, Actor: "test", Time: time.UnixMilli(1_800_000_000_000)}
}

func sound(t *testing.T, s mpblock.Store) {
	t.Helper()
	r, err := check.Account(context.Background(), s, app)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
}

// behindProxy returns a store that reaches its database through a proxy.
func behindProxy(t *testing.T, o Options) (*Store, *proxy) {
	t.Helper()
	at, err := url.Parse(mariadbtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, at.Host)
	at.Host = p.Addr
	return openWith(t, at.String(), o), p
}

// A connection that breaks at COMMIT, or at the one statement of a record, leaves
// nobody knowing whether it happened. What the caller is told is what is there, and
// it is there once.
func TestLostAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		deliver bool
		times   int
	}{
		{"before the server gets it", false, 1},
		{"after the server has done it", true, 1},
		{"after it was done, and again", true, 2},
		{"before, three times", false, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := behindProxy(t, Options{})
			ctx := t.Context()
			lose := func(command string, do func()) {
				t.Helper()
				p.cut(command, tt.deliver, tt.times)
				do()
				if n := p.broke(); n == 0 {
					t.Errorf("no connection broke at %s", command)
				}
				p.cut("", false, 0)
			}
			ids := numbered(0, 30)
			count := func(what string, want int, do func(context.Context, mpblock.AppID, []mpblock.OpenID) (int, error), ids []mpblock.OpenID) {
				t.Helper()
				lose("COMMIT", func() {
					if n, err := do(ctx, app, ids); n != want || err != nil {
						t.Errorf("%s: %d, %v", what, n, err)
					}
				})
			}
			count("added", 20, s.AddFollowers, ids[:20])
			count("removed", 10, s.RemoveFollowers, ids[10:])

			var want []mpblock.Change
			var err error
			for i, b := range []mpblock.Batch{
				batchOf(mpblock.Block, ids[:10]...), batchOf(mpblock.Unblock, ids[5:20]...), batchOf(mpblock.Block, ids[:20]...),
			} {
				lose("COMMIT", func() {
					c, err := s.Apply(ctx, app, b)
					if err != nil || c.Seq != uint64(i+1) {
						t.Errorf("change %d: %+v, %v", i+1, c, err)
					}
					want = append(want, c)
				})
			}
			// Requests are applied once, and the one that changes nothing is remembered, too.
			block, nothing := batchOf(mpblock.Block, ids[20:]...), batchOf(mpblock.Block, ids[20:]...)
			block.ID, nothing.ID = mpblock.NewRequestID("a", nil), mpblock.NewRequestID("b", nil)
			for i, b := range []mpblock.Batch{block, nothing} {
				var first mpblock.Change
				lose("COMMIT", func() {
					if first, err = s.Apply(ctx, app, b); err != nil {
						t.Error(err)
					}
				})
				if asked, err := s.Requests(ctx, app, [16]byte{}, 10); err != nil || len(asked) != i+1 {
					t.Errorf("requests: %+v, %v, want %d", asked, err, i+1)
				}
				if again, err := s.Apply(ctx, app, b); err != nil || cmp.Diff(first, again) != "" {
					t.Errorf("asked again: %+v, %v, want %+v", again, err, first)
				}
				if first.Seq != 0 {
					want = append(want, first)
				}
			}
			got, err := s.Changes(ctx, app, 0, 100)
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("log: %v (-told +there)\n%s", err, d)
			}
			sound(t, s)

			r := mpblock.Record{Kind: "kind", Key: "key", Value: []byte("1")}
			put := func(command string) {
				t.Helper()
				lose(command, func() {
					if r, err = s.Put(ctx, r); err != nil {
						t.Errorf("put: %v", err)
					}
				})
				if got, err := s.Get(ctx, "kind", "key"); err != nil || got.Version != r.Version {
					t.Errorf("%+v, want %+v, %v", got, r, err)
				}
			}
			put("INSERT IGNORE INTO record")
			put("UPDATE record")
			lose("DELETE FROM record", func() {
				if err := s.Delete(ctx, "kind", "key", r.Version); err != nil {
					t.Errorf("delete: %v", err)
				}
			})
		})
	}
}

// A write of followers whose answer was lost is not made again, whatever was written
// before the next try: who was removed meanwhile does not come back.
func TestLostFollowersMeetOtherWrites(t *testing.T) {
	for _, deliver := range []bool{true, false} {
		t.Run(fmt.Sprint("done ", deliver), func(t *testing.T) {
			at := mariadbtest.URL(t)
			other := openOn(t, at)
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			ids := numbered(0, 20)
			p := startProxy(t, u.Host)
			u.Host = p.Addr
			s := openWith(t, u.String(), Options{})
			p.cut("COMMIT", deliver, 1)
			p.broken = func() { // others write before it is tried again
				removed, err := other.RemoveFollowers(t.Context(), app, ids[:5])
				if want := map[bool]int{true: 5}[deliver]; err != nil || removed != want {
					t.Errorf("removed %d, want %d, %v", removed, want, err)
				}
				if _, err := other.AddFollowers(t.Context(), app, numbered(100, 1)); err != nil {
					t.Error(err)
				}
			}
			added, err := s.AddFollowers(t.Context(), app, ids)
			if err != nil || added != 20 || p.broke() != 1 {
				t.Errorf("%d were new, want 20, %v; the connection broke %d times", added, err, p.broke())
			}
			want := 21
			if deliver {
				want = 16
			}
			page, err := other.Followers(t.Context(), app, mpblock.OpenID{}, 100)
			if err != nil || page.Total != want || len(page.OpenIDs) != want {
				t.Errorf("%d followers of %d, want %d, %v", len(page.OpenIDs), page.Total, want, err)
			}
			states, err := other.States(t.Context(), app, ids[:1])
			if err != nil || states[0].Follower == deliver {
				t.Errorf("one that was removed after it was added: %+v, %v", states[0], err)
			}
			sound(t, other)
		})
	}
}

// Where another has written a record since an answer was lost, nobody can tell.
func TestLostPutThatWasOverwritten(t *testing.T) {
	s, p := behindProxy(t, Options{})
	r, err := s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	put := &putting{store: s, was: r.Version, next: r, lost: true}
	put.next.Version = newVersion()
	if _, err := s.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.call(t.Context(), put.try); !errors.Is(err, errOverwritten) {
		t.Errorf("%v", err)
	}
	if p.sent("UPDATE record") != 2 {
		t.Error("it was tried again")
	}
}

// Batches that wait while a transaction is under way share the next one, and one
// that is refused does not spoil the others.
func TestBatchesShareATransaction(t *testing.T) {
	s, p := behindProxy(t, Options{})
	ids := numbered(0, 64)
	release := hold(t, s)
	before := p.sent("COMMIT")
	var wg sync.WaitGroup
	gone, leave := context.WithCancel(t.Context())
	for i := range 20 {
		wg.Go(func() {
			b, ctx := batchOf(mpblock.Block, ids[i+1]), t.Context()
			switch i {
			case 7:
				b.Known = true
			case 9:
				ctx = gone
			}
			c, err := s.Apply(ctx, app, b)
			var unknown *mpblock.UnknownError
			switch i {
			case 7:
				if !errors.As(err, &unknown) {
					t.Errorf("an OpenID that is not known: %v", err)
				}
			case 9:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("a caller that left: %v", err)
				}
			default:
				if err != nil || len(c.OpenIDs) != 1 || c.OpenIDs[0] != ids[i+1] {
					t.Errorf("%+v, %v", c, err)
				}
			}
		})
		await(t, func() bool { return s.queues.length(app) == i }) // the first is under way
	}
	leave()
	release()
	wg.Wait()
	if n := p.sent("COMMIT") - before; n != 3 {
		t.Errorf("%d transactions, want that of the test, that of the first batch and one for the rest", n)
	}
	sound(t, s)
}

// length returns how many batches wait for an account; -1: none, and none is
// under way.
func (q *queues) length(app mpblock.AppID) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.of[app] == nil {
		return -1
	}
	return len(q.of[app].waiting)
}

// await waits for a condition.
func await(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for !cond() {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			t.Fatal("it never came to be")
		}
	}
}

// Two nodes that write to the same accounts keep one order, and add up.
func TestTwoNodes(t *testing.T) {
	at := mariadbtest.URL(t)
	nodes := []*Store{openOn(t, at), openOn(t, at)}
	const writers, batches = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			s := nodes[w%2]
			for i := range batches {
				ids := numbered(w*batches*2+i*2, 2)
				if _, err := s.AddFollowers(t.Context(), app, ids); err != nil {
					t.Error(err)
				}
				b := batchOf(mpblock.Block, ids...)
				b.Known = true
				if c, err := s.Apply(t.Context(), app, b); err != nil || len(c.OpenIDs) != 2 {
					t.Errorf("%+v, %v", c, err)
				}
				if p, err := nodes[1-w%2].Blacklist(t.Context(), app, mpblock.OpenID{}, 10_000); err != nil || len(p.OpenIDs) != p.Total || p.Total != int(p.Seq)*2 {
					t.Errorf("a page of %d with total %d at seq %d, %v", len(p.OpenIDs), p.Total, p.Seq, err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range nodes {
		sound(t, s)
		if p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0); err != nil || p.Total != writers*batches*2 || p.Seq != writers*batches {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// A database that is away is waited for, for as long as the store may; after that
// calls fail at once, until it is back.
func TestAway(t *testing.T) {
	s, p := behindProxy(t, Options{Timeout: 5 * time.Second})
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(0, 1)...)); err != nil {
		t.Fatal(err)
	}
	p.away(true)
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(1, 1)...)); !errors.Is(err, errTime) {
		t.Errorf("away: %v", err)
	}
	await(t, func() bool { return s.Health() != nil })
	var away *awayError
	for what, err := range map[string]error{
		"health": s.Health(),
		"page":   second(s.Blacklist(t.Context(), app, mpblock.OpenID{}, 0)),
		"apply":  second(s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(2, 1)...))),
	} {
		if !errors.As(err, &away) {
			t.Errorf("%s of a store that is known to be away: %v", what, err)
		}
	}
	p.away(false)
	await(t, func() bool { return s.Health() == nil })
	if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(3, 1)...)); err != nil || c.Seq != 2 {
		t.Errorf("back: %+v, %v", c, err)
	}
	sound(t, s)
}

// A caller whose own time is up before the store's has waited in vain as well, and one
// that leaves has not.
func TestAwayForACallerWithADeadline(t *testing.T) {
	s, p := behindProxy(t, Options{})
	p.away(true)
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- second(s.Blacklist(gone, app, mpblock.OpenID{}, 0)) }()
	await(t, func() bool { return len(s.slots) == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
	if len(s.health.suspect) != 0 || s.Health() != nil {
		t.Error("a caller that left casts doubt on the database")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := second(s.Blacklist(ctx, app, mpblock.OpenID{}, 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose time is up: %v", err)
	}
	await(t, func() bool { return s.Health() != nil })
	p.away(false)
	await(t, func() bool { return s.Health() == nil })
}

func second[T any](_ T, err error) error { return err }

func TestBusy(t *testing.T) {
	s := openOn(t, mariadbtest.URL(t))
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	if _, err := s.Get(t.Context(), "kind", "key"); !errors.Is(err, errBusy) {
		t.Errorf("one more than may wait: %v", err)
	}
	for range cap(s.slots) {
		<-s.slots
	}
}

func TestSweep(t *testing.T) {
	s := openOn(t, mariadbtest.URL(t))
	for i, end := range []time.Time{{}, time.Now().Add(time.Hour), time.Now().Add(-time.Hour), time.Unix(-5, 0)} {
		if _, err := s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: fmt.Sprint(i), Expires: end}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for i, at := range []time.Time{now, now.Add(-markLife + time.Hour), now.Add(-markLife - time.Second), now.Add(-2 * markLife)} {
		if _, err := s.db.ExecContext(t.Context(), "INSERT INTO follow_mark (app, mark, at) VALUES (?, ?, ?)", query.App(app), []byte{15: byte(i)}, at.UnixMilli()); err != nil {
			t.Fatal(err)
		}
	}
	for key, ago := range map[string]time.Duration{"dead": mpblock.KeepRequests, "live": mpblock.KeepRequests - time.Minute} {
		b := batchOf(mpblock.Block, numbered(0, 1)...)
		b.Time, b.ID = now.Add(-ago), mpblock.NewRequestID(key, nil)
		if _, err := s.Apply(t.Context(), app, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Requests(t.Context(), app, [16]byte{}, 10); err != nil || len(got) != 1 || got[0].ID != mpblock.NewRequestID("live", nil) {
		t.Errorf("requests that are left: %+v, %v", got, err)
	}
	var left int
	if err := s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM follow_mark").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d marks are left, want 2, %v", left, err)
	}
	if err := s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM record").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d records are left, want 2, %v", left, err)
	}
}

// A host that stops with its connections open is given up in time for another.
func TestFrozenHost(t *testing.T) {
	at, err := url.Parse(mariadbtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, at.Host)
	s := openWith(t, address.Scheme+"root@"+p.Addr+","+at.Host+at.Path, Options{})
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(0, 1)...)); err != nil {
		t.Fatal(err)
	}
	p.freeze()
	for i := range 3 {
		if c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(i+1, 1)...)); err != nil || c.Seq != uint64(i+2) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	sound(t, s)
}

// Hosts are asked in their order, those that did not answer of late behind the
// others, the one of the longest time ago first.
func TestOrderOfHosts(t *testing.T) {
	c, err := newConnector(configOf(t, "mysql://u@a,b,c,d,e/d"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, ago := range map[int]time.Duration{0: time.Second, 1: 2 * avoidTime, 2: 2 * time.Second, 4: -time.Hour} { // the last by a clock that was ahead
		c.hosts[i].failed.Store(now.Add(-ago).UnixMilli())
	}
	var got []string
	for _, h := range c.order() {
		got = append(got, h.name[:1])
	}
	if want := "b d e c a"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// The second host is used when the first does not answer.
func TestHosts(t *testing.T) {
	at := mariadbtest.URL(t)
	s := openOn(t, strings.Replace(at, "root@", "root@127.0.0.1:1,", 1))
	if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, numbered(0, 1)...)); err != nil {
		t.Error(err)
	}
}
