package digest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/record"
	"mpblock/internal/storetest"
)

const app mpblock.AppID = "wx0123456789abcdef"

// logged is a store in which a test writes the log of app.
type logged struct {
	t     *testing.T
	store mpblock.Store
	now   time.Time
}

func newLogged(t *testing.T) *logged {
	t.Helper()
	return &logged{t: t, store: memstore.New(), now: time.Now().Add(-time.Hour).Truncate(time.Millisecond)}
}

// apply writes a change of one OpenID, a minute after the one before.
func (l *logged) apply(action mpblock.Action, user int) mpblock.Change {
	l.t.Helper()
	l.now = l.now.Add(time.Minute)
	id := mpblock.Mint(mpblock.Prefix{1, 2, 3, 4}, mpblock.Key{5}, fmt.Sprint(user))
	c, err := l.store.Apply(l.t.Context(), app, mpblock.Batch{Action: action, Actor: mpblock.ActorAPI, OpenIDs: []mpblock.OpenID{id}, Time: l.now})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func open(store mpblock.Store) *Digests {
	return New(store, mpblock.ClockOr(nil), slog.New(slog.DiscardHandler))
}

// A digest catches up a piece at a time, counts each change once whichever node adds
// it, and reads only what is new.
func TestDigestCatchesUp(t *testing.T) {
	l := newLogged(t)
	const n = 2*Work + 10
	for i := range n {
		l.apply([]mpblock.Action{mpblock.Block, mpblock.Unblock}[i%2], 0)
	}
	if _, behind, err := open(l.store).Of(t.Context(), app); err != nil || behind == 0 || behind > n-Work {
		t.Errorf("behind by %d of %d, %v", behind, n, err)
	}
	var wg sync.WaitGroup
	for range 4 {
		all := open(l.store)
		wg.Go(func() {
			if err := all.CatchUp(t.Context(), app); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	g, behind, err := open(l.store).Of(t.Context(), app)
	sum := [2]int{}
	for _, c := range g.Days {
		sum[0] += c[0]
		sum[1] += c[1]
	}
	if err != nil || behind != 0 || g.Seq != n || sum != [2]int{n / 2, n / 2} {
		t.Errorf("digest up to %d counts %v, behind by %d, %v", g.Seq, sum, behind, err)
	}
	counted := storetest.NewSlow(l.store, 0)
	_, behind, err = open(counted).Of(t.Context(), app)
	if calls := counted.Calls(); err != nil || behind != 0 || len(calls) != 2 || calls["Get"] != 1 || calls["Blacklist"] != 1 {
		t.Errorf("a digest that is up to date took %v, %v", calls, err)
	}
}

func TestDigestStaysSmall(t *testing.T) {
	g := Digest{Days: map[string][2]int{}, Reasons: map[string]int{}}
	ids := make([]mpblock.OpenID, 2)
	for i := range 3 * maxReasons {
		g.add(mpblock.Change{Action: mpblock.Block, Reason: fmt.Sprint("<", i, strings.Repeat(">", 1000)), OpenIDs: ids[:1], Time: time.Now()})
	}
	g.add(mpblock.Change{Action: mpblock.Block, Reason: "often", OpenIDs: ids, Time: time.Now()})
	for i := range maxDays {
		g.add(mpblock.Change{Action: mpblock.Unblock, OpenIDs: ids, Time: time.Now().AddDate(-2, 0, -i)})
	}
	g.trim()
	if err := kindDigest.Record(record.Entry[Digest]{Key: "app", Value: g}).Validate(); err != nil {
		t.Error(err)
	}
	if g.Reasons["often"] != 2 || len(g.Reasons) < 10 || len(g.Days) != maxDays {
		t.Errorf("%d reasons, %d days", len(g.Reasons), len(g.Days))
	}
}

// A wrong clock is told of once, in words, and dates no change but its own.
func TestWrongClockIsToldOfOnce(t *testing.T) {
	var log bytes.Buffer
	l := newLogged(t)
	all := New(l.store, mpblock.ClockOr(nil), slog.New(slog.NewTextHandler(&log, nil)))
	right := l.now
	l.apply(mpblock.Block, 0)
	l.now = right.AddDate(1, 0, 0)
	l.apply(mpblock.Block, 1)
	l.apply(mpblock.Block, 2)
	if err := all.CatchUp(t.Context(), app); err != nil || log.Len() > 0 {
		t.Fatal(err, log.String())
	}
	l.now = right.Add(time.Hour)
	want := l.now.Add(time.Minute)
	if c := l.apply(mpblock.Block, 3); !c.Time.Equal(want) {
		t.Errorf("dated %v, want %v", c.Time, want)
	}
	l.apply(mpblock.Block, 4)
	for range 3 {
		if err := all.CatchUp(t.Context(), app); err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"a clock was wrong", "Set the clocks", "appid=" + string(app), "change=3", "next=4", "clock_here="} {
		if n := strings.Count(log.String(), word); n != 1 {
			t.Errorf("%q stands %d times in the log:\n%s", word, n, log.String())
		}
	}
}

// However often a clock was wrong, few places are kept: the newest, and since when.
func TestPlacesStayFew(t *testing.T) {
	var g Digest
	for seq := uint64(2); seq <= 10*maxBack; seq += 2 {
		g.Times.goBack(seq)
		g.Seq = seq + 1
		if n := len(g.Times.Back); n > maxBack || n < min(maxBack/2, int(seq/2)) {
			t.Fatalf("%d places at change %d", n, seq)
		}
	}
	first := g.Times.Back[0]
	if g.Times.From != first-2 {
		t.Errorf("places are known from change %d on, want %d", g.Times.From, first-2)
	}
	for seq, want := range map[uint64]struct {
		begin   uint64
		inOrder bool
	}{
		1: {1, false}, g.Times.From - 1: {1, false}, g.Times.From: {first - 2, true}, first - 1: {first - 2, true},
		first: {first, true}, first + 1: {first, true}, g.Seq: {g.Seq - 1, true}, g.Seq + 5: {g.Seq + 1, false},
	} {
		if begin, inOrder := g.Stretch(seq); begin != want.begin || inOrder != want.inOrder {
			t.Errorf("the stretch of change %d begins at %d, in order %t; want %+v", seq, begin, inOrder, want)
		}
	}
}
