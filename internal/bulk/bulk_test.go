package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/wire"
)

// fake is a server whose answers go wrong by a seeded plan.
type fake struct {
	mu      sync.Mutex
	random  *rand.Rand
	faults  float64 // how many of the calls go wrong
	known   map[client.OpenID]bool
	blocked map[client.OpenID]bool
	acked   map[client.OpenID]int
	calls   int
	killAt  int // call after which the process is dead, 0: none
	kill    func()
	dead    bool
}

func refusal(code wire.Code) error {
	return &client.Error{Call: "batch", Code: int(code), Message: code.Text()}
}

func lost() error { return &client.UnknownOutcomeError{Call: "batch", Err: errors.New("lost")} }

func (f *fake) All(context.Context) iter.Seq2[client.OpenID, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := slices.Sorted(maps.Keys(f.blocked))
	return func(yield func(client.OpenID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func (f *fake) Block(_ context.Context, ids ...client.OpenID) error   { return f.change(true, ids) }
func (f *fake) Unblock(_ context.Context, ids ...client.OpenID) error { return f.change(false, ids) }

func (f *fake) change(block bool, ids []client.OpenID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return lost() // nobody is there to hear it
	}
	for _, id := range ids {
		if f.acked[id] > 0 {
			return fmt.Errorf("%s is sent again after it was acknowledged", id)
		}
	}
	f.calls++
	err := f.once(block, ids)
	if f.calls == f.killAt {
		f.kill()
		f.dead = true
		return lost()
	}
	if err == nil {
		for _, id := range ids {
			f.acked[id]++
		}
	}
	return err
}

func (f *fake) once(block bool, ids []client.OpenID) error {
	if f.random.Float64() < f.faults {
		switch f.random.IntN(4) {
		case 0:
			return refusal(wire.CodeMinuteRate)
		case 1:
			return lost() // before it was applied
		case 2:
			_ = f.apply(block, ids)
			return refusal(wire.CodeSystem)
		}
		if err := f.apply(block, ids); err != nil {
			return err
		}
		return lost() // and applied
	}
	return f.apply(block, ids)
}

func (f *fake) apply(block bool, ids []client.OpenID) error {
	if len(ids) == 0 || len(ids) > client.MaxBatch {
		return refusal(wire.CodeBadListSize)
	}
	for _, id := range ids {
		if strings.HasPrefix(string(id), "o6_") {
			return refusal(wire.CodeNotThisAppOpenID)
		}
		if !f.known[id] {
			return refusal(wire.CodeBadOpenID)
		}
	}
	for _, id := range ids {
		if block {
			f.blocked[id] = true
		} else {
			delete(f.blocked, id)
		}
	}
	return nil
}

func newFake(seed uint64, followers []string) *fake {
	f := &fake{
		random: rand.New(rand.NewPCG(seed, 1)), known: map[client.OpenID]bool{},
		blocked: map[client.OpenID]bool{}, acked: map[client.OpenID]int{},
	}
	for _, id := range followers {
		f.known[client.OpenID(id)] = true
	}
	return f
}

func openIDs(prefix mpblock.Prefix, from, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = mpblock.Mint(prefix, mpblock.Key{1}, fmt.Sprint(from+i)).String()
	}
	return ids
}

var ours, theirs = mpblock.Prefix{1, 2, 3, 4}, mpblock.Prefix{0xeb, 0xf6, 0xe6, 0x8e}

func wish(a mpblock.Action, ids ...string) []Wish {
	w := make([]Wish, len(ids))
	for i, id := range ids {
		w[i] = Wish{id, a}
	}
	return w
}

func create(t *testing.T, p *Plan) *File {
	t.Helper()
	j, err := Create(filepath.Join(t.TempDir(), "job"), "http://server", "wx0123456789abcdef", p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// The refused ones are found in few calls, and the others go through.
func TestIsolation(t *testing.T) {
	followers := openIDs(ours, 0, 985)
	s := newFake(1, followers)
	bad := slices.Concat([]string{"OPENID1", "", "o", "x y", "”", "o6", strings.Repeat("o", 28) + "!"}, openIDs(theirs, 0, 5), openIDs(ours, 5000, 3))
	ids := append(slices.Clone(followers), bad...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	p, err := Make(t.Context(), s, wish(mpblock.Block, append(ids, ids[:10]...)...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Counts(); n.NotAttempted != 993 || n.Refused != 7 || p.Duplicates != 10 || p.Calls() != 50 {
		t.Errorf("plan %+v, %d duplicates, %d calls", n, p.Duplicates, p.Calls())
	}
	j := create(t, p)
	if err := j.Run(t.Context(), s, Options{Workers: 4}); err != nil {
		t.Fatal(err)
	}
	if n := j.Counts(); n != (Counts{Total: 1000, Done: 985, Refused: 15}) {
		t.Errorf("report %+v", n)
	}
	codes := map[int]int{}
	for _, it := range j.Items {
		if it.Status == Refused {
			codes[it.Code]++
		}
	}
	if codes[40003] != 10 || codes[49003] != 5 {
		t.Errorf("codes %v", codes)
	}
	if s.calls > 50+15*11 {
		t.Errorf("%d calls", s.calls)
	}
	t.Logf("%d calls", s.calls)
}

// TestModel runs random jobs under random faults and kills: at the end the
// server's list, the journal and the report agree about each single OpenID.
func TestModel(t *testing.T) {
	base := rand.Uint64()
	t.Logf("seed %d", base)
	for i := range uint64(150) {
		synctest.Test(t, func(t *testing.T) { model(t, base+i) })
		if t.Failed() {
			t.Fatalf("seed %d", base+i)
		}
	}
}

func model(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	followers := openIDs(ours, 0, 200)
	s := newFake(seed, followers)
	s.faults = []float64{0, 0.1, 0.3}[random.IntN(3)]
	for _, id := range followers {
		if random.IntN(3) == 0 {
			s.blocked[client.OpenID(id)] = true
		}
	}
	before := maps.Clone(s.blocked)
	all := slices.Concat(followers, openIDs(theirs, 0, 4), openIDs(ours, 9000, 4), []string{"OPENID1", "”"})
	var wishes []Wish
	asked := map[string]mpblock.Action{}
	for range random.IntN(300) {
		w := Wish{all[random.IntN(len(all))], mpblock.Action(1 + random.IntN(2))}
		wishes = append(wishes, w)
		if asked[w.OpenID] == 0 {
			asked[w.OpenID] = w.Action
		}
	}
	p, err := Make(t.Context(), s, wishes, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	name := j.Name
	for kills := 0; ; kills++ {
		s.dead, s.killAt = false, 0
		crashed := fmt.Sprint(name, ".", kills)
		if kills < 3 {
			s.killAt = s.calls + 1 + random.IntN(12)
			s.kill = func() { copyJournal(t, j.Name, crashed, random) }
		}
		err := runPatiently(t, j, s)
		if !s.dead {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		j.Close()
		if j, err = Load(crashed, true); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, j, s, before, asked)
	again, err := Load(j.Name, false)
	if err != nil || !slices.Equal(again.Items, j.Items) {
		t.Errorf("the journal says otherwise, %v", err)
	}
	again.Close()
	j.Close()
}

// runPatiently goes on after the job has given up, as an operator does.
func runPatiently(t *testing.T, j *File, s *fake) (err error) {
	for range 50 {
		if err = j.Run(t.Context(), s, Options{Workers: 3}); err == nil || s.dead || strings.Contains(err.Error(), "sent again") {
			return err
		}
		time.Sleep(time.Minute) // of the bubble's clock
	}
	return err
}

// copyJournal leaves what a killed process leaves: perhaps half a line more.
func copyJournal(t *testing.T, from, to string, random *rand.Rand) {
	b, err := os.ReadFile(from)
	if err != nil {
		t.Error(err)
	}
	if random.IntN(2) == 0 {
		b = append(b, "? 1 2"...)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Error(err)
	}
}

func agree(t *testing.T, j *File, s *fake, before map[client.OpenID]bool, asked map[string]mpblock.Action) {
	t.Helper()
	if len(j.Items) != len(asked) {
		t.Errorf("%d OpenIDs in the job, %d were asked for", len(j.Items), len(asked))
	}
	for _, it := range j.Items {
		want := it.Action == mpblock.Block
		switch {
		case it.Action != asked[string(it.OpenID)]:
			t.Errorf("%s: action %v", it.OpenID, it.Action)
		case !s.known[it.OpenID]:
			foreign := strings.HasPrefix(string(it.OpenID), "o6_")
			already := it.Status == Already && it.Action == mpblock.Unblock // not on the list: nothing to do
			if !already && (it.Status != Refused || foreign != (it.Code == 49003) || foreign == (it.Code == 40003)) {
				t.Errorf("%s: %v %d", it.OpenID, it.Status, it.Code)
			}
		case it.Status == Already && before[it.OpenID] == want && s.blocked[it.OpenID] == want:
		case it.Status == Done && s.blocked[it.OpenID] == want:
		default:
			t.Errorf("%s: %v, blocked before %v and now %v", it.OpenID, it.Status, before[it.OpenID], s.blocked[it.OpenID])
		}
	}
	n := j.Counts()
	if n.Done+n.Already+n.Refused != n.Total {
		t.Errorf("the report does not add up: %+v", n)
	}
	for id := range s.known {
		if asked[string(id)] == 0 && s.blocked[id] != before[id] {
			t.Errorf("%s was changed, and nobody asked for it", id)
		}
	}
}

func TestQuotaEndsTheJob(t *testing.T) {
	followers := openIDs(ours, 0, 100)
	s := newFake(1, followers)
	p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	limited := &limit{fake: s, after: 2, err: refusal(wire.CodeDailyQuota)}
	if err := j.Run(t.Context(), limited, Options{}); !errors.Is(err, client.ErrDailyQuota) || !strings.Contains(err.Error(), "after midnight of UTC+8") {
		t.Errorf("ended with %v", err)
	}
	if n := j.Counts(); n.Done != 40 || n.NotAttempted != 60 {
		t.Errorf("%+v", n)
	}
	if err := j.Run(t.Context(), s, Options{}); err != nil || j.Counts().Done != 100 {
		t.Errorf("went on to %+v, %v", j.Counts(), err)
	}
}

// limit refuses all calls after some.
type limit struct {
	*fake
	after int
	err   error
}

func (l *limit) Block(ctx context.Context, ids ...client.OpenID) error {
	if l.calls >= l.after {
		return l.err
	}
	return l.fake.Block(ctx, ids...)
}

func TestBadCredentialsEndTheJob(t *testing.T) {
	followers := openIDs(ours, 0, 100)
	s := newFake(1, followers)
	p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	if err := j.Run(t.Context(), &limit{fake: s, err: refusal(wire.CodeBadSecret)}, Options{Workers: 4}); !errors.Is(err, client.ErrInvalidSecret) {
		t.Errorf("ended with %v", err)
	}
	if n := j.Counts(); n.NotAttempted != 100 {
		t.Errorf("%+v", n)
	}
}

// A server that does not answer well is asked more and more slowly, and given up.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		followers := openIDs(ours, 0, 200)
		s := newFake(1, followers)
		p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		j := create(t, p)
		start := time.Now()
		var notices []string
		err = j.Run(t.Context(), &limit{fake: s, err: refusal(wire.CodeSystem)}, Options{Notice: func(s string) { notices = append(notices, s) }})
		if !errors.Is(err, client.ErrSystem) || time.Since(start) != 15*time.Second || len(notices) != 4 {
			t.Errorf("after %v and %d notices: %v", time.Since(start), len(notices), err)
		}
		if n := j.Counts(); n.Unknown != 100 || n.NotAttempted != 100 {
			t.Errorf("%+v", n)
		}
		if err := j.Run(t.Context(), s, Options{}); err != nil || j.Counts().Done != 200 {
			t.Errorf("went on to %+v, %v", j.Counts(), err)
		}
	})
}

func TestCancel(t *testing.T) {
	followers := openIDs(ours, 0, 200)
	s := newFake(1, followers)
	p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	err = j.Run(ctx, s, Options{Workers: 2, Progress: func(n Counts) {
		if n.Done >= 60 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if n := j.Counts(); n.Done < 60 || n.Done > 120 || n.Unknown != 0 || n.Done+n.NotAttempted != 200 {
		t.Errorf("%+v", n)
	}
	if err := j.Run(t.Context(), s, Options{}); err != nil || j.Counts().Done != 200 {
		t.Errorf("went on to %+v, %v", j.Counts(), err)
	}
}

// cancelling cancels the job in the middle of a call.
type cancelling struct {
	*fake
	cancel context.CancelFunc
}

func (c *cancelling) Block(ctx context.Context, ids ...client.OpenID) error {
	c.cancel()
	if ctx.Err() != nil {
		return lost()
	}
	return c.fake.Block(ctx, ids...)
}

// A call under way when the job is cancelled goes on to its end.
func TestCancelInACall(t *testing.T) {
	followers := openIDs(ours, 0, 100)
	s := newFake(1, followers)
	p, err := Make(t.Context(), s, wish(mpblock.Block, followers...), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j := create(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	if err := j.Run(ctx, &cancelling{s, cancel}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if n := j.Counts(); n.Done != 20 || n.NotAttempted != 80 {
		t.Errorf("%+v", n)
	}
}

func TestEqual(t *testing.T) {
	followers := openIDs(ours, 0, 10)
	s := newFake(1, followers)
	for _, id := range followers[:6] {
		s.blocked[client.OpenID(id)] = true
	}
	p, err := Equal(t.Context(), s, followers[4:], PlanOptions{})
	if err != nil || p.Of(mpblock.Block) != 4 || p.Of(mpblock.Unblock) != 4 || p.Counts().Already != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	j := create(t, p)
	if err := j.Run(t.Context(), s, Options{}); err != nil {
		t.Fatal(err)
	}
	for i, id := range followers {
		if s.blocked[client.OpenID(id)] != (i >= 4) {
			t.Errorf("%d is blocked: %v", i, i < 4)
		}
	}
}

func TestJournalsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "other": "hello\n", "unfinished": "mpblock job 1 http://x wx1\n+ b \"o1\"\n",
		"action": "mpblock job 1 http://x wx1\n+ x \"o1\"\n---\n", "place": "mpblock job 1 http://x wx1\n+ b \"o1\"\n---\n> 7\n",
		"negative": "mpblock job 1 http://x wx1\n+ b \"o1\"\n---\n> -1\n", "state": "mpblock job 1 http://x wx1\nx b \"o1\"\n---\n",
		"became": "mpblock job 1 http://x wx1\n+ b \"o1\"\n---\nx 0\n", "code": "mpblock job 1 http://x wx1\n! b \"o1\" x\n---\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file, false); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	j := create(t, &Plan{})
	if _, err := Load(j.Name, true); !errors.Is(err, errRunning) {
		t.Errorf("a job that runs: %v", err)
	}
	if _, err := Create(j.Name, "x", "y", &Plan{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a journal that is there: %v", err)
	}
}
