//go:build crash

package gateway

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/pebblestore"
	"mpblock/internal/testserver"
)

// TestKilled100Times is the promise of the gateway: killed with SIGKILL at any moment, with
// a tenth of the platform's answers lost, it loses and doubles no change that it has
// acknowledged, and each has its actor and its reason.
func TestKilled100Times(t *testing.T) {
	const kills = 100
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	there := platform(t)
	g := &settings{data: filepath.Join(t.TempDir(), "data"), flags: []string{"--sync-every", "24h"}}
	s := g.start(t)
	g.join(t, there)
	ws := writers(6, seed, browser(t, g, s))
	token, err := g.token(s)
	must(t, err)
	first := listed(t, s, token)
	must(t, s.Stop())
	head := headOf(t, g.data)
	run(t, "emulator", "faults", "load", "lost-answers", "--control", there.Control)
	for round := range kills {
		s := g.start(t)
		token, err := g.token(s)
		must(t, err)
		var begun atomic.Int64
		limit, early := int64(1+random.IntN(30)), random.IntN(2) == 0
		var once sync.Once
		var wg sync.WaitGroup
		for _, w := range ws {
			wg.Go(func() {
				for {
					last := begun.Add(1) >= limit
					if last && early { // in the middle of the others, and of this one
						go once.Do(func() { _ = s.Kill() })
					}
					if w.try(s, token) != nil {
						once.Do(func() { _ = s.Kill() }) // it is gone, or may as well be
						return
					}
					if last {
						once.Do(func() { _ = s.Kill() })
						return
					}
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.Fatalf("kill %d", round+1)
		}
	}
	run(t, "emulator", "faults", "clear", "--control", there.Control)
	s = g.start(t)
	run(t, "account", "sync", "--data", g.data, testserver.DemoAppID)
	token, err = g.token(s)
	must(t, err)
	theirs, err := there.Token()
	must(t, err)
	equal(t, listed(t, there, theirs), listed(t, s, token))
	must(t, s.Stop())

	store, err := pebblestore.Open(g.data, pebblestore.Options{})
	must(t, err)
	log := logOf(t, store, head)
	must(t, store.Close())
	var n counts
	for _, w := range ws {
		w.audit(t, log, first, &n)
	}
	fmt.Printf("== %s: seed %d, %d kills; %v; platform and mirror equal: %v\n", t.Name(), seed, kills, n, !t.Failed())
	if n.sure < kills {
		t.Errorf("%d acknowledged: too few to tell", n.sure)
	}
}

// headOf returns the last seq in a directory that no server uses.
func headOf(t *testing.T, dir string) uint64 {
	t.Helper()
	store, err := pebblestore.Open(dir, pebblestore.Options{})
	must(t, err)
	page, err := store.Blacklist(t.Context(), testserver.DemoAppID, mpblock.OpenID{}, 0)
	must(t, err)
	must(t, store.Close())
	return page.Seq
}
