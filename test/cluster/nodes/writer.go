//go:build cluster

package nodes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/client"
)

// doubt is a batch that was answered with -1 and not sent again: it has happened
// wholly or not at all, and none of its OpenIDs is used again.
type doubt struct {
	ids   []string
	block bool
}

// Writer changes OpenIDs of its own, and knows what must be.
type Writer struct {
	Account
	Stats *Stats // of all writers that were made together, unless replaced

	client  *client.Client
	random  *rand.Rand
	free    []string        // OpenIDs that are in no doubt
	blocked map[string]bool // as acknowledged
	doubts  []doubt
}

// Stats tell how writers fared.
type Stats struct {
	Acknowledged, Refused atomic.Int64 // batches; refused are those answered with -1

	mu    sync.Mutex
	last  time.Time     // of an acknowledged batch
	pause time.Duration // the longest in which none was acknowledged
	wait  time.Duration // the longest until one batch was
}

func (s *Stats) acknowledge(since time.Time) {
	s.Acknowledged.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() {
		s.pause = max(s.pause, now.Sub(s.last))
	}
	s.last = now
	s.wait = max(s.wait, now.Sub(since))
}

// String tells all of it.
func (s *Stats) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d batches acknowledged, %d answered with -1; longest pause %.2f s, longest wait for one batch %.2f s",
		s.Acknowledged.Load(), s.Refused.Load(), s.pause.Seconds(), s.wait.Seconds())
}

// perWriter is how many OpenIDs a writer has, and fewest how many of them stay out
// of doubt.
const (
	perWriter = 2000
	fewest    = 200
)

// Writers returns n writers that go to one address, spread over the accounts. Each
// has a token that it cannot renew and tries nothing again by itself, so that
// whatever is not success is seen. Groups of n writers with different numbers have
// different OpenIDs.
func Writers(tb testing.TB, n int, base string, accounts []Account, seed uint64, group int) []*Writer {
	tb.Helper()
	stats, h := &Stats{}, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}, Timeout: 5 * time.Minute}
	var all []*Writer
	for i := range n {
		a := accounts[i%len(accounts)]
		token, err := StableToken(tb.Context(), h, base, a, false)
		Must(tb, err)
		c, err := client.New(a.AppID, a.Secret, client.WithBaseURL(base), client.WithToken(token),
			client.WithRetries(0), client.WithPace(20*time.Millisecond), client.WithHTTPClient(h))
		Must(tb, err)
		all = append(all, &Writer{
			Account: a, Stats: stats, client: c, random: rand.New(rand.NewPCG(seed, uint64(group*n+i))), //nolint:gosec // a test that can be repeated
			free: a.IDs((group*n+i)*perWriter, perWriter), blocked: map[string]bool{},
		})
	}
	return all
}

// Run sends random batches until it is told to stop, and until the last one is
// acknowledged or given up. It returns an error for an answer that is neither
// success nor -1.
func (w *Writer) Run(ctx context.Context, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		w.random.Shuffle(len(w.free), func(i, j int) { w.free[i], w.free[j] = w.free[j], w.free[i] })
		batch := slices.Clone(w.free[:1+w.random.IntN(20)])
		if err := w.send(ctx, batch, w.random.IntN(3) > 0); err != nil {
			return err
		}
	}
}

// send sends a batch until it is acknowledged, or leaves it in doubt.
func (w *Writer) send(ctx context.Context, batch []string, block bool) error {
	call := w.client.Unblock
	if block {
		call = w.client.Block
	}
	ids := make([]client.OpenID, len(batch))
	for i, id := range batch {
		ids[i] = client.OpenID(id)
	}
	for begin := time.Now(); ; {
		err := call(ctx, ids...)
		if err == nil {
			for _, id := range batch {
				w.blocked[id] = block
			}
			w.Stats.acknowledge(begin)
			return nil
		}
		if !errors.Is(err, client.ErrSystem) {
			return fmt.Errorf("a writer of %s saw neither success nor -1: %w", w.AppID, err)
		}
		w.Stats.Refused.Add(1)
		if w.random.IntN(2) == 0 && len(w.free) > fewest {
			w.doubts = append(w.doubts, doubt{batch, block})
			w.free = slices.DeleteFunc(w.free, func(id string) bool { return slices.Contains(batch, id) })
			return nil
		}
	}
}

// settle holds what a node lists of the account to what was acknowledged.
func (w *Writer) settle(listed map[string]bool) error {
	for _, id := range w.free {
		if listed[id] != w.blocked[id] {
			return fmt.Errorf("%s of %s: blocked is %v, acknowledged was %v", id, w.AppID, listed[id], w.blocked[id])
		}
	}
	for _, d := range w.doubts {
		done, undone := true, true
		for _, id := range d.ids {
			done = done && listed[id] == d.block
			undone = undone && listed[id] == w.blocked[id]
		}
		if !done && !undone {
			return fmt.Errorf("half of a batch of %d of %s happened", len(d.ids), w.AppID)
		}
	}
	return nil
}

// Verify holds what each node lists to what was acknowledged, and the nodes to
// each other; each account's total to its entries, and its entries to its history.
func Verify(tb testing.TB, all []*Node, accounts []Account, writers []*Writer) {
	tb.Helper()
	first := map[string]map[string]bool{}
	for _, n := range all {
		lists := map[string]map[string]bool{}
		for _, a := range accounts {
			listed, err := n.Walk(n.HTTP, n.Token(tb, a)) // which holds the total to the entries
			Must(tb, err)
			lists[a.AppID] = listed
			if first[a.AppID] == nil {
				first[a.AppID] = listed
			}
			for id := range first[a.AppID] {
				if !listed[id] || len(listed) != len(first[a.AppID]) {
					tb.Errorf("%s and %s list %s differently", n.Address, all[0].Address, a.AppID)
					break
				}
			}
		}
		for _, w := range writers {
			if err := w.settle(lists[w.AppID]); err != nil {
				tb.Errorf("%s: %v", n.Address, err)
			}
		}
		n.Check(tb)
	}
}
