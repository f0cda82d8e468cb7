package bulk_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/bulk"
	"mpblock/mpblocktest"
)

// badNetwork is what happens to one in five calls of a list.
const badNetwork = `
rules:
- {name: busy,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {errcode: -1}}
- {name: fast,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {errcode: 45011}}
- {name: spent, match: {path: "*/tags/members/*"}, probability: 0.025, effect: {errcode: 45009}}
- {name: html,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {http: 502, body: "<html>Bad Gateway</html>"}}
- {name: half,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {malformed: true}}
- {name: lost,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {lost_answer: cut}}
- {name: slow,  match: {path: "*/tags/members/*"}, probability: 0.025, effect: {lost_answer: timeout}}
- {name: rival, match: {path: "*/tags/members/*"}, probability: 0.025, effect: {stale_token: 40001}}
`

// TestOverTheWire runs jobs with the real client over a bad network, to the end.
func TestOverTheWire(t *testing.T) {
	base := rand.Uint64N(1 << 40)
	t.Logf("seed %d", base)
	met := map[string]int{}
	for i := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { overTheWire(t, base+i, met) })
		if t.Failed() {
			t.Fatalf("seed %d", base+i)
		}
	}
	for _, name := range []string{"busy", "fast", "spent", "html", "half", "lost", "slow", "rival"} {
		if met[name] == 0 {
			t.Errorf("no job has met %q", name)
		}
	}
}

func dial(t *testing.T, s *mpblocktest.Server) *client.Client {
	t.Helper()
	h := s.Client()
	h.Timeout = 30 * time.Second
	c, err := client.New(s.AppID, s.Secret, client.WithHTTPClient(h))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// block makes a job that blocks OpenIDs, and runs it to its end.
func block(t *testing.T, c *client.Client, ids ...string) bulk.Counts {
	t.Helper()
	var wishes []bulk.Wish
	for _, id := range ids {
		wishes = append(wishes, bulk.Wish{OpenID: id, Action: mpblock.Block})
	}
	var p *bulk.Plan
	patiently(t, func() (err error) {
		p, err = bulk.Make(t.Context(), c, wishes, bulk.PlanOptions{})
		return err
	})
	j, err := bulk.Create(filepath.Join(t.TempDir(), "job"), "http://server", "wx0123456789abcdef", p)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	patiently(t, func() error { return j.Run(t.Context(), c, bulk.Options{Workers: 3}) })
	return j.Counts()
}

// strangers returns OpenIDs of another account.
func strangers(n int) (ids []string) {
	for i := range n {
		ids = append(ids, mpblock.Mint(mpblock.Prefix{0xeb, 0xf6, 0xe6, 0x8e}, mpblock.Key{1}, strconv.Itoa(i)).String())
	}
	return ids
}

func overTheWire(t *testing.T, seed uint64, met map[string]int) {
	s := mpblocktest.New(t, mpblocktest.WithoutPort(), mpblocktest.WithPageSize(50))
	followers := s.Followers(600)
	others := followers[500:]
	s.Plan("seed: " + strconv.FormatUint(seed, 10) + badNetwork)
	done := make(chan struct{})
	defer close(done)
	go func() { // others block and unblock while the job runs
		dice := rand.New(rand.NewPCG(seed, 3))
		for {
			id := []string{others[dice.IntN(len(others))]}
			if dice.IntN(2) == 0 {
				s.Drift(id, nil)
			} else {
				s.Drift(nil, id)
			}
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	c := dial(t, s)
	asked := slices.Concat(followers[:500], strangers(3), []string{s.Stranger(), s.Stranger(), s.Stranger()})
	if n := block(t, c, asked...); n != (bulk.Counts{Total: 506, Done: 500, Refused: 6}) {
		t.Errorf("report %+v", n)
	}
	blocked := s.Blocked()
	for _, id := range followers[:500] {
		if !slices.Contains(blocked, id) {
			t.Errorf("%s is not blocked", id)
		}
	}
	for _, call := range s.Journal() {
		met[call.Rule]++
	}
}

// TestLostAnswers blocks 20,000 people while one answer in ten is lost, and the report
// adds up.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mpblocktest.New(t, mpblocktest.WithoutPort())
		followers := s.Followers(20_000)
		s.Plan("lost-answers")
		if n := block(t, dial(t, s), followers...); n != (bulk.Counts{Total: 20_000, Done: 20_000}) {
			t.Errorf("report %+v", n)
		}
		if s.Struck() < 50 || !slices.Equal(s.Blocked(), followers) {
			t.Errorf("%d answers were lost, %d are blocked", s.Struck(), len(s.Blocked()))
		}
	})
}

// patiently tries again what the network or a quota has ended, as an operator does.
func patiently(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for range 200 {
		if err = do(); err == nil {
			return
		}
		var refused *client.Error
		if errors.As(err, &refused) && !slices.Contains([]int{45009, 45011, -1, 40001}, refused.Code) { // 40001: two tokens in a row that others have ended
			break
		}
		time.Sleep(time.Minute) // of the bubble's clock
	}
	t.Fatal(err)
}
