//go:build crash

// Package crash holds the real binary to its promises about what happens to it:
// it is killed, started twice, and run on a disk that is full.
package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/testserver"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if binary, err = testserver.Build(filepath.Join("..", ".."), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// demo returns the OpenIDs of users of the demo, by their numbers from 1 on. The
// first 23,000 are blocked.
func demo(first, last int) []string {
	var ids []string
	for n := first; n <= last; n++ {
		id := mpblock.Mint(mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}, mpblock.Key([]byte("mpblock-demo-key")), fmt.Sprintf("demo-%05d", n))
		ids = append(ids, id.String())
	}
	return ids
}

func start(t *testing.T, dir string) (s *testserver.Server, token string) {
	t.Helper()
	s, err := testserver.Start(binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() }) // where the test has not ended it
	return s, tokenOf(t, s)
}

func tokenOf(t *testing.T, s *testserver.Server) string {
	t.Helper()
	token, err := s.Token()
	if err != nil || token == "" {
		t.Fatalf("no token, %v: %s", err, s.Log())
	}
	return token
}

// check runs mpblock check on a directory that no server uses.
func check(t *testing.T, dir string) {
	t.Helper()
	out, code, err := testserver.Run(binary, "check", dir)
	if err != nil || code != 0 {
		t.Fatalf("mpblock check ends with %d, %v:\n%s", code, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, s *testserver.Server) {
	t.Helper()
	must(t, s.Kill())
}

func walk(t *testing.T, s *testserver.Server, token string) map[string]bool {
	t.Helper()
	all, err := s.Walk(http.DefaultClient, token)
	must(t, err)
	return all
}

func TestBlock20AndKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, token := start(t, dir)
	ids := demo(23_001, 23_020)
	a, err := s.Post(http.DefaultClient, "batchblacklist", token, testserver.Batch(ids))
	if err != nil || a.Errcode != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	kill(t, s)
	check(t, dir)
	s, token = start(t, dir)
	defer kill(t, s)
	all := walk(t, s, token)
	for _, id := range ids {
		if !all[id] {
			t.Errorf("%s was blocked, acknowledged and lost", id)
		}
	}
	if len(all) != 23_020 {
		t.Errorf("%d are blocked, want 23,020", len(all))
	}
}

// writer changes OpenIDs of its own, and knows what must be.
type writer struct {
	ids     []string
	blocked map[string]bool // as acknowledged
	pending []string        // sent, and not answered
	block   bool            // what pending asked for
	random  *rand.Rand
}

// run sends random batches until the server is gone.
func (w *writer) run(s *testserver.Server, token string, acknowledged func()) error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		w.pending = nil
		for _, i := range w.random.Perm(len(w.ids))[:1+w.random.IntN(20)] {
			w.pending = append(w.pending, w.ids[i])
		}
		w.block = w.random.IntN(3) > 0
		call := "batchunblacklist"
		if w.block {
			call = "batchblacklist"
		}
		a, err := s.Post(client, call, token, testserver.Batch(w.pending))
		if err != nil {
			return nil // it was killed, and the answer lost
		}
		if a.Errcode != 0 {
			return fmt.Errorf("errcode %d %s", a.Errcode, a.Errmsg)
		}
		w.apply()
		acknowledged()
	}
}

func (w *writer) apply() {
	for _, id := range w.pending {
		w.blocked[id] = w.block
	}
	w.pending = nil
}

// settle holds what is on the server to what was acknowledged. The batch whose
// answer was lost has happened wholly or not at all.
func (w *writer) settle(listed map[string]bool) error {
	for _, id := range w.ids {
		if listed[id] != w.blocked[id] && !slices.Contains(w.pending, id) {
			return fmt.Errorf("%s: blocked is %v, acknowledged was %v", id, listed[id], w.blocked[id])
		}
	}
	done, undone := true, true
	for _, id := range w.pending {
		done = done && listed[id] == w.block
		undone = undone && listed[id] == w.blocked[id]
	}
	switch {
	case done:
		w.apply()
	case !undone:
		return fmt.Errorf("half of a batch of %d happened", len(w.pending))
	}
	w.pending = nil
	return nil
}

func TestKilled50Times(t *testing.T) {
	const kills, writers, each = 50, 8, 100
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "data")
	var ws []*writer
	for i := range writers {
		first := 22_600 + i*each // some are blocked, some not
		w := &writer{ids: demo(first, first+each-1), blocked: map[string]bool{}, random: rand.New(rand.NewPCG(seed, uint64(i+1)))}
		for _, id := range demo(first, min(first+each-1, 23_000)) {
			w.blocked[id] = true
		}
		ws = append(ws, w)
	}
	batches := 0
	for round := range kills {
		s, token := start(t, dir)
		limit := int64(1 + random.IntN(100))
		var acknowledged atomic.Int64
		var once sync.Once
		var wg sync.WaitGroup
		for _, w := range ws {
			wg.Go(func() {
				err := w.run(s, token, func() {
					if acknowledged.Add(1) >= limit {
						once.Do(func() { kill(t, s) })
					}
				})
				if err != nil {
					t.Error(err)
					once.Do(func() { kill(t, s) })
				}
			})
		}
		wg.Wait()
		batches += int(acknowledged.Load())
		if round%5 == 4 { // before the store is opened to be written again
			check(t, dir)
		}
		s, token = start(t, dir)
		listed := walk(t, s, token)
		want := 22_599
		for _, w := range ws {
			if err := w.settle(listed); err != nil {
				t.Errorf("kill %d: %v", round+1, err)
			}
			for _, b := range w.blocked {
				if b {
					want++
				}
			}
		}
		if len(listed) != want {
			t.Errorf("kill %d: %d are blocked, want %d", round+1, len(listed), want)
		}
		kill(t, s)
		if t.Failed() {
			t.FailNow()
		}
	}
	check(t, dir)
	t.Logf("%d kills, %d acknowledged batches", 2*kills, batches)
}

func TestTwoProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, token := start(t, dir)
	defer kill(t, s)
	out, code, err := testserver.Run(binary, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	if err != nil || code != 3 || !strings.Contains(out, dir+" is in use by another process") {
		t.Errorf("the second process ends with %d, %v:\n%s", code, err, out)
	}
	out, code, err = testserver.Run(binary, "check", dir)
	if err != nil || code != 3 || !strings.Contains(out, "in use") || !strings.Contains(out, "mpblock backup") {
		t.Errorf("mpblock check ends with %d, %v:\n%s", code, err, out)
	}
	if all := walk(t, s, token); len(all) != 23_000 {
		t.Errorf("the first process has %d", len(all))
	}
}
