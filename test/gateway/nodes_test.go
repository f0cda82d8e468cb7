//go:build mariadb && linux

package gateway

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/testserver"
)

// TestHolderKilled has two gateways over one MariaDB, and kills the one that holds the
// lease of the account: the other takes over, and nothing is lost.
func TestHolderKilled(t *testing.T) {
	const kills = 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	db, err := mariadbtest.New()
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	at, err := db.Database(t.Context())
	must(t, err)
	key := filepath.Join(t.TempDir(), "seal.key")
	must(t, os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600))
	there := platform(t)
	nodes := make([]*node, 2)
	for i := range nodes {
		nodes[i] = &node{acknowledged: make(chan struct{}, 1)}
		nodes[i].settings = settings{data: filepath.Join(t.TempDir(), "data"), flags: []string{"--store", at, "--seal-key-file", key, "--sync-every", "24h"}}
		nodes[i].up(t)
	}
	nodes[0].join(t, there)
	nodes[1].secret = nodes[0].secret
	store := openStore(t, at)
	first := nodes[0].listed(t)
	page, err := store.Blacklist(t.Context(), testserver.DemoAppID, mpblock.OpenID{}, 0)
	must(t, err)
	run(t, "emulator", "faults", "load", "lost-answers", "--control", there.Control)

	ws := writers(4, seed, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for i, w := range ws {
		wg.Go(func() { nodes[i%2].write(ctx, w) })
	}
	var took []time.Duration
	for range kills {
		nodes[0].goOn()
		nodes[1].goOn()
		victim := holder(t, store, nodes)
		nodes[victim].kill(t)
		begin := time.Now()
		nodes[1-victim].goOn()
		took = append(took, time.Since(begin).Round(100*time.Millisecond))
		nodes[victim].up(t)
	}
	nodes[0].goOn()
	nodes[1].goOn()
	stop()
	wg.Wait()
	run(t, "emulator", "faults", "clear", "--control", there.Control)
	run(t, "account", "sync", "--data", nodes[1].data, testserver.DemoAppID)
	theirs, err := there.Token()
	must(t, err)
	for _, n := range nodes {
		equal(t, listed(t, there, theirs), n.listed(t))
	}
	var n counts
	log := logOf(t, store, page.Seq)
	for _, w := range ws {
		w.audit(t, log, first, &n)
	}
	fmt.Printf("== %s: seed %d, the holder killed %d times; %v; the other made five changes within %v; platform and mirrors equal: %v\n",
		t.Name(), seed, kills, n, took, !t.Failed())
}

func openStore(t *testing.T, at string) *sqlstore.Store {
	t.Helper()
	c, err := address.Parse(at)
	must(t, err)
	s, err := sqlstore.Open(t.Context(), c, sqlstore.Options{})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// holder returns the number of the node that holds the lease of the account now.
func holder(t *testing.T, store *sqlstore.Store, nodes []*node) int {
	t.Helper()
	for t.Context().Err() == nil {
		r, err := store.Get(t.Context(), "upstreamline", testserver.DemoAppID)
		must(t, err)
		for i, n := range nodes {
			if strings.HasPrefix(string(r.Value), `{"holder"`) && strings.Contains(string(r.Value), fmt.Sprintf("-%d-", n.now().PID)) {
				return i
			}
		}
	}
	t.Fatal("nobody holds it")
	return 0
}

// node is a gateway that is killed and comes back.
type node struct {
	settings
	acknowledged chan struct{} // has a word in it when a change was

	mu   sync.Mutex
	back sync.Cond
	s    *testserver.Server // nil: it is away
}

func (n *node) up(t *testing.T) {
	t.Helper()
	s := n.start(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.s, n.back.L = s, &n.mu
	n.back.Broadcast()
}

func (n *node) kill(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	must(t, n.s.Kill())
	n.s = nil
}

// now returns the server, once there is one.
func (n *node) now() *testserver.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.s == nil {
		n.back.Wait()
	}
	return n.s
}

// write makes changes until ctx ends.
func (n *node) write(ctx context.Context, w *writer) {
	for ctx.Err() == nil {
		s := n.now()
		if token, err := n.token(s); err != nil || w.try(s, token) != nil || !w.wishes[len(w.wishes)-1].sure {
			continue
		}
		select {
		case n.acknowledged <- struct{}{}:
		default:
		}
	}
}

// goOn waits until five more changes are acknowledged.
func (n *node) goOn() {
	for range 6 { // one may have been waiting
		<-n.acknowledged
	}
}

func (n *node) listed(t *testing.T) map[string]bool {
	t.Helper()
	token, err := n.token(n.now())
	must(t, err)
	return listed(t, n.now(), token)
}
