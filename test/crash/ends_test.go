//go:build crash

package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/pebblestore"
	"mpblock/internal/server"
	"mpblock/internal/testserver"
)

// ends are blocks whose end comes while a server runs, is down or starts.
type ends struct {
	*testing.T
	dir    string
	random *rand.Rand
	free   []mpblock.OpenID             // who may be blocked
	last   string                       // behind whom nobody is
	until  map[mpblock.OpenID]time.Time // of who was blocked
	asked  map[mpblock.OpenID]time.Time // of who was to be, and the answer was lost: they may be blocked or not
	runs   []running                    // of the server
	ended  map[mpblock.OpenID]bool      // who was unblocked
	read   uint64                       // the change up to which the log was looked at
	late   time.Duration                // the most that an end was behind its time, or behind the start
}

// running is when a server was started, and when it was ready.
type running struct{ started, ready time.Time }

// at does something with the store, which no server has open.
func (e *ends) at(do func(*pebblestore.Store)) {
	e.Helper()
	s, err := pebblestore.Open(e.dir, pebblestore.Options{})
	must(e.T, err)
	do(s)
	must(e.T, s.Close())
}

// next takes somebody who may be blocked, and an end for it, soon.
func (e *ends) next() (id mpblock.OpenID, end time.Time) {
	id, e.free = e.free[0], e.free[1:]
	return id, time.Now().Add(time.Duration(1 + e.random.Int64N(int64(400*time.Millisecond)))).Truncate(time.Millisecond).UTC()
}

// block blocks some while no server runs: their ends come while it starts, or runs.
func (e *ends) block(n int) {
	e.at(func(s *pebblestore.Store) {
		for range n {
			id, end := e.next()
			c, err := s.Apply(e.Context(), server.DemoAppID, mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{id}, Actor: "test", Time: time.Now(), Until: end})
			must(e.T, err)
			e.until[id] = c.Until
		}
	})
}

// up starts the server.
func (e *ends) up() (s *testserver.Server, token string) {
	started := time.Now()
	s, token = start(e.T, e.dir)
	e.runs = append(e.runs, running{started, time.Now()})
	return s, token
}

// run blocks some more over the API, kills the server under the last of these calls, and
// reads the list all the time.
func (e *ends) run(s *testserver.Server, token string, n int) {
	const pages = 8
	killed := make(chan struct{})
	for left := n; left > 0; left-- {
		id, end := e.next()
		e.asked[id] = end
		if left == 1 {
			time.AfterFunc(time.Duration(e.random.Int64N(int64(time.Millisecond))), func() {
				defer close(killed)
				_ = s.Kill()
			})
		}
		blocked, err := put(s, token, id, end)
		if err != nil && left > 1 {
			e.Fatal(err)
		}
		if err == nil {
			delete(e.asked, id)
		}
		if blocked {
			e.until[id] = end
		}
		for range pages * min(1, left-1) { // the last one is killed
			e.total(s, token)
		}
	}
	<-killed
}

// total reads how many are blocked.
func (e *ends) total(s *testserver.Server, token string) int {
	e.Helper()
	a, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":"`+e.last+`"}`)
	if err != nil || a.Errcode != 0 {
		e.Fatalf("%+v, %v", a, err)
	}
	return a.Total
}

// put blocks somebody to an end. Where the call has taken so long that the end has come, it
// is refused.
func put(s *testserver.Server, token string, id mpblock.OpenID, end time.Time) (blocked bool, err error) {
	body := fmt.Sprintf(`{"expire_time":%q}`, end.Format(time.RFC3339Nano))
	r, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/v1/accounts/%s/blocks/%s", s.Base, server.DemoAppID, id), strings.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusCreated:
		return true, nil
	case res.StatusCode == http.StatusBadRequest && !time.Now().Before(end):
		return false, nil
	}
	return false, fmt.Errorf("%s blocked to %s: %s", id, end, res.Status)
}

// settle holds the log to the ends: nobody was unblocked early or twice, nor while the end
// was more than a second past and a server was there.
func (e *ends) settle() {
	e.at(func(s *pebblestore.Store) {
		for {
			changes, err := s.Changes(e.Context(), server.DemoAppID, e.read, 100)
			must(e.T, err)
			for _, c := range changes {
				e.read = c.Seq
				if c.Actor == mpblock.ActorExpiry {
					e.hold(c)
				}
			}
			if len(changes) < 100 {
				return
			}
		}
	})
}

func (e *ends) hold(c mpblock.Change) {
	for _, id := range c.OpenIDs {
		end, ok := e.until[id]
		if !ok {
			end, ok = e.asked[id]
		}
		if !ok || e.ended[id] || c.Time.Before(end) {
			e.Errorf("%s, whose end is %s, was unblocked at %s (twice: %v)", id, end, c.Time, e.ended[id])
		}
		e.ended[id] = true
		n, _ := slices.BinarySearchFunc(e.runs, c.Time, func(r running, t time.Time) int { return r.started.Compare(t) })
		if ready := e.runs[n-1].ready; ready.After(end) { // the end came before the server was there
			end = ready
		}
		e.late = max(e.late, c.Time.Sub(end))
	}
}

// killsWanted is how often the server is killed: MPBLOCK_KILLS, or else so often that it
// takes some seconds.
func killsWanted(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MPBLOCK_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 100 {
		t.Fatalf("MPBLOCK_KILLS is %q: want how often the server is killed, 1 to 100", text)
	}
	return n
}

// A server that is killed again and again, with ends due all the time, unblocks nobody
// early, nobody twice, nobody more than a second late while it is there, and forgets nobody.
func TestEndsAndKills(t *testing.T) {
	const down, most = 20, 50
	kills := killsWanted(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := &ends{
		T: t, dir: filepath.Join(t.TempDir(), "data"), random: rand.New(rand.NewPCG(seed, 0)),
		until: map[mpblock.OpenID]time.Time{}, asked: map[mpblock.OpenID]time.Time{}, ended: map[mpblock.OpenID]bool{},
	}
	e.last = slices.Max(demo(1, server.DemoFollowers))
	for _, id := range demo(server.DemoBlocked+1, server.DemoFollowers) {
		e.free = append(e.free, mpblock.OpenID([]byte(id)))
	}
	s, _ := start(t, e.dir) // which makes the account
	kill(t, s)
	for round := range kills {
		e.block(down)
		s, token := e.up()
		e.run(s, token, 1+e.random.IntN(most))
		if round%10 == 9 {
			check(t, e.dir)
			e.settle()
		}
	}
	between := len(e.ended)
	s, token := e.up()
	for e.total(s, token) > server.DemoBlocked { // until all have ended, or the test is out of time
	}
	walk(t, s, token) // holds the total to the list
	kill(t, s)
	check(t, e.dir)
	e.settle()
	for id, end := range e.until {
		if !e.ended[id] {
			t.Errorf("%s, whose end was %s, was never unblocked by it", id, end)
		}
	}
	if between == 0 || e.late > time.Second {
		t.Errorf("%d have ended between kills, the last one %s late", between, e.late)
	}
	fmt.Printf("== %s: %d kills, %d ends and %d whose answer was lost; %d came between kills; none early, twice or lost, at most %d ms late: %v\n",
		t.Name(), kills, len(e.until), len(e.asked), between, e.late.Milliseconds(), !t.Failed())
}
