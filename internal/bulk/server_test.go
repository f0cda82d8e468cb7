package bulk

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/access"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
)

// faulty is mpblock's own API behind a network on which things go wrong by a
// seeded plan.
type faulty struct {
	api     http.Handler
	access  *access.Service
	lists   *lists.Service
	account *mpblock.Account
	secret  string
	others  []string // follow, and belong to nobody's job

	mu     sync.Mutex
	random *rand.Rand
	met    map[string]int // faults, by name
}

func newFaulty(t *testing.T, seed uint64) *faulty {
	t.Helper()
	f := &faulty{random: rand.New(rand.NewPCG(seed, 3)), met: map[string]int{}}
	s, err := server.Open(t.Context(), server.Config{Store: memstore.New(), PageSize: 50})
	if err != nil {
		t.Fatal(err)
	}
	f.api, f.access, f.lists = s.Handler(), s.Access(), s.Lists()
	if f.account, f.secret, err = f.access.AddAccount(t.Context(), access.NewAccount{Prefix: &ours, Key: &mpblock.Key{1}}); err != nil {
		t.Fatal(err)
	}
	return f
}

// RoundTrip implements http.RoundTripper.
func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	roll := f.random.IntN(40)
	if !strings.Contains(r.URL.Path, "/tags/members/") {
		roll = 99 // tokens are got well
	}
	f.mu.Unlock()
	switch roll {
	case 0:
		return f.text("-1", 200, `{"errcode":-1,"errmsg":"system error"}`)
	case 1:
		return f.text("45011", 200, `{"errcode":45011,"errmsg":"api minute-quota reach limit"}`)
	case 2:
		return f.text("45009", 200, `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`)
	case 3:
		return f.text("html", 502, "<html>Bad Gateway</html>")
	case 4:
		f.serve(r)
		return f.text("cut", 200, `{"errcode":0,"err`)
	case 5:
		f.serve(r)
		f.meet("lost")
		return nil, io.ErrUnexpectedEOF
	case 6:
		f.meet("slow")
		<-r.Context().Done() // the client's own patience
		return nil, r.Context().Err()
	case 7:
		f.meet("rival")
		creds := access.Credentials{GrantType: "client_credential", AppID: string(f.account.AppID), Secret: f.secret, IP: netip.IPv6Loopback()}
		if _, err := f.access.StableToken(r.Context(), creds, true); err != nil {
			return nil, err
		}
	}
	f.othersChange(r)
	return f.serve(r), nil
}

func (f *faulty) meet(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.met[name]++
}

func (f *faulty) text(name string, status int, body string) (*http.Response, error) {
	f.meet(name)
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	return w.Result(), err
}

func (f *faulty) serve(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.RemoteAddr = "127.0.0.1:1"
	f.api.ServeHTTP(w, r)
	return w.Result()
}

// othersChange has others block and unblock while a job runs.
func (f *faulty) othersChange(r *http.Request) {
	f.mu.Lock()
	id, action := f.others[f.random.IntN(len(f.others))], mpblock.Action(1+f.random.IntN(2))
	f.mu.Unlock()
	_ = f.lists.Change(r.Context(), f.account, action, []string{id})
}

// TestOverTheWire runs jobs with the real client over a bad network, to the end.
func TestOverTheWire(t *testing.T) {
	base := rand.Uint64()
	t.Logf("seed %d", base)
	met := map[string]int{}
	for i := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { overTheWire(t, base+i, met) })
		if t.Failed() {
			t.Fatalf("seed %d", base+i)
		}
	}
	for _, name := range []string{"-1", "45011", "45009", "html", "cut", "lost", "slow", "rival"} {
		if met[name] == 0 {
			t.Errorf("no job has met %q", name)
		}
	}
}

func overTheWire(t *testing.T, seed uint64, met map[string]int) {
	f := newFaulty(t, seed)
	followers := openIDs(ours, 0, 600)
	f.others = followers[500:]
	for from := 0; from < len(followers); from += 100 {
		var ids []mpblock.OpenID
		for _, s := range followers[from : from+100] {
			ids = append(ids, mpblock.OpenID([]byte(s)))
		}
		if _, err := f.lists.AddFollowers(t.Context(), f.account, ids); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(string(f.account.AppID), f.secret, client.WithHTTPClient(&http.Client{Transport: f, Timeout: 30 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	asked := slices.Concat(followers[:500], openIDs(theirs, 0, 3), openIDs(ours, 9000, 3))
	var p *Plan
	patiently(t, func() error { p, err = Make(t.Context(), c, wish(mpblock.Block, asked...), PlanOptions{}); return err })
	j := create(t, p)
	patiently(t, func() error { return j.Run(t.Context(), c, Options{Workers: 3}) })
	if n := j.Counts(); n != (Counts{Total: 506, Done: 500, Refused: 6}) {
		t.Errorf("report %+v", n)
	}
	live := map[string]bool{}
	patiently(t, func() error {
		clear(live)
		for id, err := range c.All(t.Context()) {
			if err != nil {
				return err
			}
			live[string(id)] = true
		}
		return nil
	})
	for _, id := range followers[:500] {
		if !live[id] {
			t.Errorf("%s is not blocked", id)
		}
	}
	for name, n := range f.met {
		met[name] += n
	}
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
		if errors.As(err, &refused) && refused.Code != 45009 && refused.Code != 45011 && refused.Code != -1 {
			break
		}
		time.Sleep(time.Minute) // of the bubble's clock
	}
	t.Fatal(err)
}
