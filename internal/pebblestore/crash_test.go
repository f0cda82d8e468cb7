package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
	"mpblock/internal/check"
	"mpblock/internal/datadir"
)

const app mpblock.AppID = "wx0123456789abcdef"

func mint(n int) mpblock.OpenID {
	return mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(n))
}

func batchOf(action mpblock.Action, ids ...mpblock.OpenID) mpblock.Batch {
	return mpblock.Batch{Action: action, OpenIDs: ids, Actor: "test", Time: time.Unix(1e9, 0)}
}

func sound(t *testing.T, s *Store) {
	t.Helper()
	r, err := check.Account(context.Background(), s, app)
	if err = errors.Join(err, check.Ends(context.Background(), s, map[mpblock.AppID]*check.Report{app: &r})); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
}

// acknowledged is what a store has said it keeps.
type acknowledged struct {
	changes   map[uint64]mpblock.Change
	followers []mpblock.OpenID
	counts    map[string]uint64 // of the records, by key
	asked     []asked
}

// asked is a batch with an ID, and what it was answered.
type asked struct {
	batch    mpblock.Batch
	answered bool
	change   mpblock.Change
}

// outage is a store under writers until the power is cut.
type outage struct {
	*testing.T
	s    *Store
	fs   *vfs.MemFS
	kept *acknowledged

	mu     sync.Mutex
	random *rand.Rand
	left   int        // writes to be acknowledged until then
	clone  *vfs.MemFS // what is on the disk then
}

func (o *outage) on() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clone == nil
}

// ack notes a write that has been acknowledged, if that was before the power was
// cut.
func (o *outage) ack(note func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.clone != nil {
		return
	}
	note()
	if o.left--; o.left == 0 {
		rng := rand.New(rand.NewPCG(o.random.Uint64(), 0))
		o.clone = o.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.random.IntN(101), RNG: rng})
	}
}

func (o *outage) write(key string, random *rand.Rand) error {
	switch random.IntN(20) {
	case 0:
		return o.s.db.Flush()
	case 1, 2, 3, 4, 5:
		id := mint(1000 + random.IntN(1e9))
		if _, err := o.s.AddFollowers(o.Context(), app, []mpblock.OpenID{id}); err != nil {
			return err
		}
		o.ack(func() { o.kept.followers = append(o.kept.followers, id) })
	case 6, 7, 8, 9, 10:
		r, err := o.s.Get(o.Context(), "count", key)
		if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
			return err
		}
		n, _ := strconv.ParseUint(string(r.Value), 10, 64)
		r.Kind, r.Key, r.Value = "count", key, strconv.AppendUint(nil, n+1, 10)
		if _, err := o.s.Put(o.Context(), r); err != nil {
			return err
		}
		o.ack(func() { o.kept.counts[key] = n + 1 })
	default:
		ids := make([]mpblock.OpenID, 5)
		for i := range ids {
			ids[i] = mint(random.IntN(50))
		}
		b := batchOf([]mpblock.Action{mpblock.Block, mpblock.Unblock, mpblock.Amend}[random.IntN(3)], ids...)
		if b.Action == mpblock.Unblock {
			b.Ended = random.IntN(2) == 0
		} else if random.IntN(2) == 0 {
			b.Until = b.Time.Add(time.Duration(random.IntN(100)-50) * time.Second)
		}
		b.Actor = fmt.Sprint("request ", random.Uint64())
		b.ID = mpblock.NewRequestID(b.Actor, nil)
		at := o.ask(b)
		c, err := o.s.Apply(o.Context(), app, b)
		if err == nil {
			o.ack(func() { o.kept.asked[at].answered, o.kept.asked[at].change = true, c })
		}
		for err == nil && c.Seq != 0 {
			o.ack(func() { o.kept.changes[c.Seq] = c })
			if random.IntN(2) == 0 {
				break
			}
			undo := batchOf(map[mpblock.Action]mpblock.Action{mpblock.Block: mpblock.Unblock, mpblock.Unblock: mpblock.Block, mpblock.Amend: mpblock.Amend}[c.Action], c.OpenIDs...)
			undo.Undoes = c.Seq
			c, err = o.s.Apply(o.Context(), app, undo)
		}
		return err
	}
	return nil
}

// ask notes a batch that is about to be sent, and returns where.
func (o *outage) ask(b mpblock.Batch) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.asked = append(o.kept.asked, asked{batch: b})
	return len(o.kept.asked) - 1
}

// run writes until the power is cut.
func (o *outage) run() {
	var wg sync.WaitGroup
	seed := o.random.Uint64()
	for w := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(w)))
		wg.Go(func() {
			for o.on() {
				if err := o.write(strconv.Itoa(w), random); err != nil {
					o.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// intact tells whether a store holds what was acknowledged, and is sound.
func (a *acknowledged) intact(t *testing.T, s *Store) {
	t.Helper()
	sound(t, s)
	log, err := s.Changes(t.Context(), app, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for seq, c := range a.changes {
		if seq > uint64(len(log)) || !reflect.DeepEqual(log[seq-1], c) {
			t.Errorf("change %d was acknowledged and lost", seq)
		}
	}
	states, err := s.States(t.Context(), app, a.followers)
	if err != nil {
		t.Fatal(err)
	}
	for i, st := range states {
		if !st.Follower {
			t.Errorf("the follower %s was acknowledged and lost", a.followers[i])
		}
	}
	for key, n := range a.counts {
		r, err := s.Get(t.Context(), "count", key)
		if got, _ := strconv.ParseUint(string(r.Value), 10, 64); err != nil || got < n {
			t.Errorf("the record %s counts %d, %v; %d was acknowledged", key, got, err, n)
		}
	}
}

// askAgain asks for every batch once more: those that were answered are answered the same,
// and none has happened twice.
func (a *acknowledged) askAgain(t *testing.T, s *Store) {
	t.Helper()
	for i := range a.asked {
		q := &a.asked[i]
		c, err := s.Apply(t.Context(), app, q.batch)
		if err != nil || q.answered && !reflect.DeepEqual(c, q.change) {
			t.Errorf("%s: %+v, %v; it was answered (%v) %+v", q.batch.Actor, c, err, q.answered, q.change)
		}
		q.answered, q.change = true, c
	}
	log, err := s.Changes(t.Context(), app, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, c := range log {
		if times[c.Actor]++; strings.HasPrefix(c.Actor, "request") && times[c.Actor] > 1 {
			t.Errorf("%s has happened twice", c.Actor)
		}
	}
}

// TestPowerLoss cuts the power, in memory, at random points under concurrent
// writers and flushes: what was synced is there, and of the rest a random part.
// Every acknowledged write must be there, and no half of one.
func TestPowerLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	kept := &acknowledged{changes: map[uint64]mpblock.Change{}, counts: map[string]uint64{}}
	fs := vfs.NewCrashableMem()
	for round := 0; round < 12 && !t.Failed(); round++ {
		s := openOn(t, fs)
		o := &outage{T: t, s: s, fs: fs, kept: kept, random: random, left: 1 + random.IntN(40)}
		o.run()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		fs = o.clone
		s = openOn(t, fs)
		kept.intact(t, s)
		kept.askAgain(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !t.Failed() && (len(kept.changes) == 0 || len(kept.followers) == 0 || len(kept.counts) == 0) {
		t.Error("a kind of write was never made")
	}
}

// A write that has no effect is answered only when the one that it relies on is
// durable.
func TestNoEffectIsDurableToo(t *testing.T) {
	one := []mpblock.OpenID{mint(1)}
	listed := func(ctx context.Context, s *Store) bool {
		st, err := s.States(ctx, app, one)
		return err == nil && st[0] != (mpblock.State{})
	}
	tests := []struct {
		name  string
		write func(context.Context, *Store) error
		seen  func(context.Context, *Store) bool
	}{
		{"block", func(ctx context.Context, s *Store) error {
			_, err := s.Apply(ctx, app, batchOf(mpblock.Block, one...))
			return err
		}, listed},
		{"follow", func(ctx context.Context, s *Store) error {
			_, err := s.AddFollowers(ctx, app, one)
			return err
		}, listed},
		{"put", func(ctx context.Context, s *Store) error {
			_, err := s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key"})
			if errors.Is(err, mpblock.ErrConflict) {
				return nil
			}
			return err
		}, func(ctx context.Context, s *Store) bool {
			_, err := s.Get(ctx, "kind", "key")
			return err == nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { answeredWhenDurable(t, tt.write, tt.seen) })
		})
	}
}

func answeredWhenDurable(t *testing.T, write func(context.Context, *Store) error, seen func(context.Context, *Store) bool) {
	var slow atomic.Bool
	release := make(chan struct{})
	s := openOn(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slow.Load() && op.Kind == errorfs.OpFileSyncData {
			<-release
		}
		return nil
	})))
	slow.Store(true)
	var returned atomic.Int32
	var wg sync.WaitGroup
	for range 3 { // one writes, the others find it done
		wg.Go(func() {
			if err := write(t.Context(), s); err != nil {
				t.Error(err)
			}
			returned.Add(1)
		})
	}
	synctest.Wait() // for the disk, all of them
	if !seen(t.Context(), s) {
		t.Error("the write is not on its way")
	}
	if n := returned.Load(); n > 0 {
		t.Errorf("%d were answered before the disk had it", n)
	}
	slow.Store(false)
	close(release)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestUseByTwo(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir)
	for _, readOnly := range []bool{false, true} {
		if _, err := Open(dir, Options{ReadOnly: readOnly}); !errors.Is(err, datadir.ErrInUse) {
			t.Errorf("read-only %v: %v", readOnly, err)
		}
	}
}
