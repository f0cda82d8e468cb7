//go:build crash

package crash

import (
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/pebblestore"
	"mpblock/internal/server"
)

// ends are blocks whose end comes while a server runs, is down or starts.
type ends struct {
	*testing.T
	dir    string
	random *rand.Rand
	free   []mpblock.OpenID             // who may be blocked
	until  map[mpblock.OpenID]time.Time // of who was blocked
}

// at does something with the store, which no server has open.
func (e *ends) at(do func(*pebblestore.Store)) {
	e.Helper()
	s, err := pebblestore.Open(e.dir, pebblestore.Options{})
	must(e.T, err)
	do(s)
	must(e.T, s.Close())
}

// block blocks some more, each to an end of its own within a time.
func (e *ends) block(n int, within time.Duration) {
	e.at(func(s *pebblestore.Store) {
		for range n {
			id := e.free[0]
			e.free = e.free[1:]
			now := time.Now()
			end := now.Add(time.Duration(1 + e.random.Int64N(int64(within)))).Truncate(time.Millisecond).UTC()
			c, err := s.Apply(e.Context(), server.DemoAppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "test", Time: now, Until: end})
			must(e.T, err)
			e.until[id] = c.Until
		}
	})
}

// settle holds the log to the ends: nobody was unblocked early or twice. It returns how
// many have ended.
func (e *ends) settle() (ended int) {
	e.at(func(s *pebblestore.Store) {
		seen := map[mpblock.OpenID]bool{}
		for last := uint64(0); ; {
			changes, err := s.Changes(e.Context(), server.DemoAppID, last, 100)
			must(e.T, err)
			for _, c := range changes {
				for _, id := range c.OpenIDs {
					if c.Actor != mpblock.ActorExpiry {
						continue
					}
					if seen[id] || c.Time.Before(e.until[id]) {
						e.Errorf("%s, whose end is %s, was unblocked at %s (twice: %v)", id, e.until[id], c.Time, seen[id])
					}
					seen[id] = true
				}
				last = c.Seq
			}
			if len(changes) < 100 {
				break
			}
		}
		ended = len(seen)
	})
	return ended
}

// A server that is killed 100 times, with ends due all the time, unblocks nobody early,
// nobody twice, and forgets nobody.
func TestEndsAndKilled100Times(t *testing.T) {
	const kills, each = 100, 20
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := &ends{T: t, dir: filepath.Join(t.TempDir(), "data"), random: rand.New(rand.NewPCG(seed, 0)), until: map[mpblock.OpenID]time.Time{}}
	for _, id := range demo(23_001, 23_000+kills*each) {
		e.free = append(e.free, mpblock.OpenID([]byte(id)))
	}
	s, _ := start(t, e.dir) // which makes the account
	kill(t, s)
	ended := 0
	for round := range kills {
		e.block(each, 400*time.Millisecond)
		s, token := start(t, e.dir)
		for asked := e.random.IntN(60); asked > 0; asked-- { // it works meanwhile, and is killed anywhere
			if _, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":"o999999999999999999999999999"}`); err != nil {
				t.Fatal(err)
			}
		}
		kill(t, s)
		if round%10 == 9 {
			check(t, e.dir)
			ended = e.settle()
			t.Logf("%d kills, %d of %d have ended", round+1, ended, len(e.until))
		}
	}
	s, token := start(t, e.dir)
	for len(walk(t, s, token)) > 23_000 { // until all have ended, or the test is out of time
	}
	kill(t, s)
	check(t, e.dir)
	if n := e.settle(); n != len(e.until) || ended == 0 {
		t.Errorf("%d have ended, of %d; %d of them between kills", n, len(e.until), ended)
	}
	t.Logf("%d kills, %d ends", kills, len(e.until))
}
