package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
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
	r, err := mpblock.Check(context.Background(), s, app)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
}

// TestPowerLoss cuts the power, in memory, at random points under concurrent
// writers: what was synced is there, and of the rest a random part. Every
// acknowledged batch must be there, and no half of one.
func TestPowerLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	fs := vfs.NewCrashableMem()
	next := 0 // number of the next OpenID
	acknowledged := map[uint64]mpblock.Change{}
	for range 15 {
		s := openOn(t, fs)
		var mu sync.Mutex
		var clone *vfs.MemFS
		crashAt := 1 + random.IntN(40)
		done := 0
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					mu.Lock()
					if clone != nil {
						mu.Unlock()
						return
					}
					ids := make([]mpblock.OpenID, 5)
					for i := range ids {
						next++
						ids[i] = mint(next)
					}
					mu.Unlock()
					c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if clone == nil { // what is acknowledged later is not in the clone
						acknowledged[c.Seq] = c
						if done++; done == crashAt {
							clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: rand.New(rand.NewPCG(random.Uint64(), 0))})
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		fs = clone
		s = openOn(t, fs)
		sound(t, s)
		log, err := s.Changes(t.Context(), app, 0, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range log {
			if len(c.OpenIDs) != 5 {
				t.Fatalf("change %d holds %d OpenIDs", c.Seq, len(c.OpenIDs))
			}
		}
		for seq, c := range acknowledged {
			if seq > uint64(len(log)) || log[seq-1].OpenIDs[0] != c.OpenIDs[0] {
				t.Fatalf("change %d was acknowledged and lost", seq)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
}

// A change that has no effect is acknowledged only when the one that it relies on
// is durable.
func TestNoEffectIsDurableToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		for range 3 { // one blocks, the others find it done
			wg.Go(func() {
				if _, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1))); err != nil {
					t.Error(err)
				}
				returned.Add(1)
			})
		}
		synctest.Wait() // for the disk, all of them
		if st, err := s.Lookup(t.Context(), app, []mpblock.OpenID{mint(1)}); err != nil || !st[0].Blocked() {
			t.Errorf("the change is not on its way: %+v, %v", st, err)
		}
		if n := returned.Load(); n > 0 {
			t.Errorf("%d were acknowledged before the disk had it", n)
		}
		slow.Store(false)
		close(release)
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestUseByTwo(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir)
	for _, readOnly := range []bool{false, true} {
		if _, err := Open(dir, Options{ReadOnly: readOnly}); !errors.Is(err, ErrInUse) {
			t.Errorf("read-only %v: %v", readOnly, err)
		}
	}
}
