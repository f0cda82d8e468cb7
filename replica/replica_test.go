package replica_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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
	"mpblock/internal/access"
	"mpblock/internal/memstore"
	"mpblock/internal/server"
	"mpblock/replica"
)

// world is a server that can be restarted, cut and emptied, always at one address.
type world struct {
	*testing.T
	store   mpblock.Store
	account *mpblock.Account
	secret  string
	address string

	mu     sync.Mutex
	server *server.Server
	http   *http.Server
	conns  []net.Conn
}

// listener is one whose connections can be cut.
type listener struct {
	net.Listener
	w *world
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.w.mu.Lock()
		l.w.conns = append(l.w.conns, c)
		l.w.mu.Unlock()
	}
	return c, err
}

func begin(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, store: memstore.New()}
	w.start()
	var err error
	if w.account, w.secret, err = w.server.Access().AddAccount(t.Context(), access.NewAccount{AnyFollower: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if w.server, err = server.Open(context.Background(), server.Config{Store: w.store}); err != nil {
		w.Fatal(err)
	}
	address := w.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		w.Fatal(err)
	}
	w.address = l.Addr().String()
	w.http = &http.Server{Handler: w.server.Handler()}
	go func(srv *http.Server) { _ = srv.Serve(listener{l, w}) }(w.http)
}

func (w *world) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.http.Close()
	if err := w.server.Close(); err != nil {
		w.Error(err)
	}
}

func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func (w *world) url() string { return "http://" + w.address }

func (w *world) id(n int) mpblock.OpenID {
	return mpblock.Mint(w.account.Prefix, w.account.Key, fmt.Sprint(n))
}

func (w *world) apply(b mpblock.Batch) mpblock.Change {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	b.Actor = "test"
	c, err := w.server.Lists().Apply(context.Background(), w.account, b)
	if err != nil {
		w.Error(err)
	}
	return c
}

func (w *world) block(n int, until time.Time) mpblock.Change {
	w.Helper()
	return w.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{w.id(n)}, Until: until})
}

func (w *world) open(opts ...replica.Option) *replica.Replica {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	r, err := replica.Open(ctx, w.url(), w.secret, string(w.account.AppID), opts...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := r.Close(); err != nil {
			w.Error(err)
		}
	})
	return r
}

func (w *world) fresh(r *replica.Replica) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	if err := r.WaitFresh(ctx, 0); err != nil {
		w.Fatal(err)
	}
}

func TestReplica(t *testing.T) {
	w := begin(t)
	w.block(1, time.Time{})
	w.block(2, time.Now().Add(time.Hour))
	r := w.open()
	if !r.Blocked(w.id(1).String()) || !r.Blocked(w.id(2).String()) || r.Blocked(w.id(3).String()) || r.Len() != 2 || r.Revision() != 2 {
		t.Errorf("%d entries at %d", r.Len(), r.Revision())
	}
	for _, wrong := range []string{"", "o", strings.Repeat("x", 28), w.id(1).String()[:27], w.id(1).String()[:27] + "B", strings.Repeat("ö", 14)} {
		if r.Blocked(wrong) {
			t.Errorf("%q is blocked", wrong)
		}
	}
	if s := r.Staleness(); s > 10*time.Second {
		t.Errorf("it is %v old", s)
	}
	w.block(3, time.Time{})
	w.apply(mpblock.Batch{Action: mpblock.Unblock, OpenIDs: []mpblock.OpenID{w.id(1)}})
	w.fresh(r)
	if !r.Blocked(w.id(3).String()) || r.Blocked(w.id(1).String()) || r.Len() != 2 {
		t.Errorf("%d entries at %d", r.Len(), r.Revision())
	}
}

// An end is kept to the millisecond, whether or not the server has unblocked already.
func TestEnds(t *testing.T) {
	w := begin(t)
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	w.block(1, end)
	var now atomic.Int64
	now.Store(end.Add(-time.Millisecond).UnixNano())
	r := w.open(replica.WithClock(func() time.Time { return time.Unix(0, now.Load()) }))
	id := w.id(1).String()
	blocked := func(want bool, what string) {
		t.Helper()
		w.fresh(r)
		if r.Blocked(id) != want {
			t.Errorf("%s: blocked %v", what, !want)
		}
	}
	blocked(true, "a millisecond before")
	now.Store(end.UnixNano() - 1)
	blocked(true, "a nanosecond before")
	now.Store(end.UnixNano())
	blocked(false, "at the end")
	w.apply(mpblock.Batch{Action: mpblock.Amend, OpenIDs: []mpblock.OpenID{w.id(1)}, Until: end.Add(time.Millisecond)})
	blocked(true, "amended")
	c := w.apply(mpblock.Batch{Action: mpblock.Unblock, OpenIDs: []mpblock.OpenID{w.id(1)}})
	blocked(false, "unblocked")
	w.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: []mpblock.OpenID{w.id(1)}, Undoes: c.Seq})
	blocked(true, "given back")
	now.Store(end.Add(time.Millisecond).UnixNano())
	blocked(false, "given back with its end")
}

func TestOpenFails(t *testing.T) {
	w := begin(t)
	app := string(w.account.AppID)
	for _, c := range [][3]string{{"", w.secret, app}, {"ftp://x", w.secret, app}, {w.url(), "", app}, {w.url(), w.secret, ""}, {w.url(), "wrong", app}, {w.url(), w.secret, "wx0123456789abcdef"}} {
		if _, err := replica.Open(t.Context(), c[0], c[1], c[2]); err == nil || strings.Contains(err.Error(), w.secret) {
			t.Errorf("%q: %v", c, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := replica.Open(ctx, "http://127.0.0.1:1", w.secret, app); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v, want why it took too long", err)
	}
}

// TestServerGoes is a server that is restarted, and one whose log has gone back.
func TestServerGoes(t *testing.T) {
	w := begin(t)
	early := w.store.(*memstore.Store).Clone()
	w.block(1, time.Time{})
	w.block(2, time.Time{})
	r := w.open()
	w.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.WaitFresh(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a server: %v", err)
	}
	if r.Staleness() < 50*time.Millisecond || !r.Blocked(w.id(1).String()) {
		t.Errorf("it is %v old", r.Staleness())
	}
	w.start()
	w.block(3, time.Time{})
	w.fresh(r)
	if !r.Blocked(w.id(3).String()) || r.Len() != 3 {
		t.Errorf("%d entries after a restart", r.Len())
	}
	w.stop()
	w.store = early // as from a backup
	w.start()
	w.block(4, time.Time{})
	w.fresh(r) // not before the list is the one of now
	if !r.Blocked(w.id(4).String()) || r.Blocked(w.id(1).String()) || r.Revision() != 1 {
		t.Errorf("%d entries at %d after a restore", r.Len(), r.Revision())
	}
	early = w.store.(*memstore.Store).Clone()
	w.block(5, time.Time{})
	w.block(6, time.Time{})
	w.fresh(r)
	w.stop()
	w.store = early // and from one whose log is longer than what it knows of, when it asks again
	for n := range 5 {
		if _, err := early.Apply(t.Context(), w.account.AppID, mpblock.Batch{
			Action: mpblock.Block, OpenIDs: []mpblock.OpenID{w.id(10 + n)}, Actor: "test", Reason: "restored", Time: time.Now(),
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	w.fresh(r)
	if !r.Blocked(w.id(10).String()) || r.Blocked(w.id(5).String()) || r.Revision() != 6 || r.Len() != 6 {
		t.Errorf("%d entries at %d after a restore of a log that has grown", r.Len(), r.Revision())
	}
}

// A token that somebody else has had renewed is got anew.
func TestTokenIsRenewed(t *testing.T) {
	w := begin(t)
	r := w.open()
	if _, err := w.server.Access().StableToken(t.Context(), access.Credentials{
		GrantType: "client_credential", AppID: string(w.account.AppID), Secret: w.secret,
	}, true); err != nil {
		t.Fatal(err)
	}
	w.cut()
	w.block(1, time.Time{})
	w.fresh(r)
	if !r.Blocked(w.id(1).String()) {
		t.Error("the change is not there")
	}
}

func TestFile(t *testing.T) {
	w := begin(t)
	path := filepath.Join(t.TempDir(), "list")
	w.block(1, time.Time{})
	w.block(2, time.Now().Add(time.Hour))
	r := w.open(replica.WithFile(path))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	w.stop()
	r = w.open(replica.WithFile(path))
	if !r.Blocked(w.id(1).String()) || !r.Blocked(w.id(2).String()) || r.Len() != 2 || r.Revision() != 2 {
		t.Errorf("%d entries at %d from the file", r.Len(), r.Revision())
	}
	w.start()
	w.block(3, time.Time{})
	w.fresh(r)
	if r.Len() != 3 {
		t.Errorf("%d entries", r.Len())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{good[:0], good[:10], good[:len(good)-1], append([]byte("x"), good...), flipped(good, len(good)-40), flipped(good, 20)} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		told := make(chan error, 10)
		r := w.open(replica.WithFile(path), replica.WithReport(func(err error) { told <- err }))
		if err := <-told; !strings.Contains(err.Error(), path) || r.Len() != 3 {
			t.Errorf("%v, %d entries", err, r.Len())
		}
		_ = r.Close()
	}
}

func flipped(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 1
	return b
}

// TestChangedWhileRead changes a list of several pieces while it is read.
func TestChangedWhileRead(t *testing.T) {
	w := begin(t)
	const people = 30_000
	ids := make([]mpblock.OpenID, people)
	for n := range ids {
		ids[n] = w.id(n)
	}
	for part := range slices.Chunk(ids, mpblock.MaxWrite) {
		w.apply(mpblock.Batch{Action: mpblock.Block, OpenIDs: part})
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for random := rand.New(rand.NewPCG(3, 4)); ; {
			select {
			case <-stop:
				return
			default:
			}
			b := mpblock.Batch{Action: mpblock.Action(1 + random.IntN(3))}
			for range 20 {
				b.OpenIDs = append(b.OpenIDs, ids[random.IntN(people)])
			}
			if b.Action != mpblock.Unblock && random.IntN(2) == 0 {
				b.Until = time.Now().Add(time.Hour)
			}
			w.apply(b)
		}
	})
	var first uint64 // revision of the first list that there is
	began := make([]int64, people)
	r := w.open(replica.WithTold(func(r *replica.Replica, revision uint64) {
		if first != 0 {
			return
		}
		first = revision
		for i, id := range ids {
			began[i] = r.End(id.String())
		}
	}))
	close(stop)
	wg.Wait()
	if got, want := began, w.at(ids, first); !slices.Equal(got, want) {
		t.Errorf("the first list is not that of revision %d", first)
	}
	w.fresh(r)
	states, err := w.store.States(t.Context(), w.account.AppID, ids)
	if err != nil {
		t.Fatal(err)
	}
	n, wrong := 0, 0
	for i, s := range states {
		if s.Blocked {
			n++
		}
		if endOf(s) != r.End(ids[i].String()) {
			wrong++
		}
	}
	if wrong > 0 || r.Len() != n {
		t.Errorf("%d of %d are wrong; %d entries, want %d", wrong, people, r.Len(), n)
	}
}

// at returns the ends of entries at a revision, from the log of a list of which nothing was
// undone.
func (w *world) at(ids []mpblock.OpenID, revision uint64) []int64 {
	w.Helper()
	changes, err := w.store.Changes(w.Context(), w.account.AppID, 0, int(revision))
	if err != nil {
		w.Fatal(err)
	}
	list := map[mpblock.OpenID]int64{}
	for _, c := range changes {
		for _, id := range c.OpenIDs {
			list[id] = endOf(mpblock.State{Blocked: c.Action != mpblock.Unblock, Until: c.Until})
		}
	}
	ends := make([]int64, len(ids))
	for i, id := range ids {
		ends[i] = list[id]
	}
	return ends
}

// TestModel changes a list at random, and has the replica agree with it at every revision,
// over cuts and restarts.
func TestModel(t *testing.T) {
	w := begin(t)
	const people, steps = 40, 1_500
	m := &model{T: t, at: map[uint64][]int64{0: make([]int64, people)}}
	for n := range people {
		m.ids = append(m.ids, w.id(n).String())
	}
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	var early []mpblock.Change
	random := rand.New(rand.NewPCG(1, 2))
	step := func() {
		if c, ok := m.step(w, random, time.Unix(0, now.Load()), early); ok {
			early = append(early, c)
		}
		now.Add(random.Int64N(int64(2 * time.Second)))
	}
	for range 100 {
		step()
	}
	r := w.open(replica.WithClock(func() time.Time { return time.Unix(0, now.Load()) }), replica.WithTold(m.compare))
	for range steps {
		switch n := random.IntN(300); {
		case n == 0:
			w.stop()
			w.start()
		case n < 5:
			w.cut()
		case n < 20:
			w.fresh(r)
		}
		step()
	}
	w.fresh(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Revision() != uint64(len(m.at)-1) || m.compared < steps/2 {
		t.Errorf("at %d of %d, %d compared", r.Revision(), len(m.at)-1, m.compared)
	}
}

// model is what the list was at each revision: the end of each entry in milliseconds, 0
// for who is not blocked, and the largest number for who is for ever.
type model struct {
	*testing.T
	ids      []string
	mu       sync.Mutex
	at       map[uint64][]int64
	compared int
}

// endOf is the end of an entry as the model has it.
func endOf(s mpblock.State) int64 {
	switch {
	case !s.Blocked:
		return 0
	case s.Until.IsZero():
		return 1 << 62
	}
	return s.Until.UnixMilli()
}

// step makes a change, and notes what the store says it came to.
func (m *model) step(w *world, random *rand.Rand, now time.Time, early []mpblock.Change) (mpblock.Change, bool) {
	b := mpblock.Batch{Action: mpblock.Action(1 + random.IntN(3))}
	for range 1 + random.IntN(5) {
		b.OpenIDs = append(b.OpenIDs, w.id(random.IntN(len(m.ids))))
	}
	switch {
	case len(early) > 0 && random.IntN(4) == 0:
		c := early[len(early)-1-random.IntN(min(len(early), 5))]
		b.OpenIDs, b.Undoes = c.OpenIDs, c.Seq
		switch c.Action {
		case mpblock.Block:
			b.Action = mpblock.Unblock
		case mpblock.Unblock:
			b.Action = mpblock.Block
		default:
			b.Action = mpblock.Amend
		}
	case b.Action != mpblock.Unblock && random.IntN(2) == 0:
		b.Until = now.Add(time.Duration(random.Int64N(int64(time.Hour))) + time.Hour)
	}
	m.mu.Lock() // the replica compares after it is noted
	defer m.mu.Unlock()
	c := w.apply(b)
	if c.Seq == 0 {
		return c, false
	}
	ids := make([]mpblock.OpenID, len(m.ids))
	for i := range ids {
		ids[i] = w.id(i)
	}
	states, err := w.store.States(context.Background(), w.account.AppID, ids)
	if err != nil {
		m.Error(err)
		return c, false
	}
	ends := make([]int64, len(ids))
	for i, s := range states {
		ends[i] = endOf(s)
	}
	m.at[c.Seq] = ends
	return c, true
}

// compare holds the replica against the list of a revision.
func (m *model) compare(r *replica.Replica, revision uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ends, ok := m.at[revision]
	if !ok {
		m.Errorf("there is no revision %d", revision)
		return
	}
	m.compared++
	for i, id := range m.ids {
		if got := r.End(id); got != ends[i] {
			m.Errorf("revision %d: %s has the end %d, want %d", revision, id, got, ends[i])
		}
	}
}
